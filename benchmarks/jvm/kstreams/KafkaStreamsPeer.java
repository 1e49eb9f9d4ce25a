import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.ObjectWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.common.Metric;
import org.apache.kafka.common.MetricName;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.kstream.WindowedSerdes;

/**
 * The queries of ../../queries by Kafka Streams, which is what ksqlDB runs them on: the same keys,
 * and JSON values with the same fields.
 *
 * <p>Words: broker, query, sink, records of the input, cache bytes, directory for state. It ends
 * when it has processed as many records; what goes through a repartition topic counts twice. With
 * 0 records it ends once it runs.
 */
public class KafkaStreamsPeer {
  public static class Bid {
    public long auction, bidder, price, date_time;
    public String channel, url, extra;
  }

  public static class Price {
    public long auction, bidder, date_time;
    public double price;
    public String extra;
  }

  public static class Totals {
    public long cnt, total, mx;
  }

  public static class Count {
    public long cnt;
  }

  private static final ObjectMapper MAPPER =
      new ObjectMapper().configure(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES, false);
  private static final long STALLED_MS = 60_000;

  private static <T> Serde<T> json(Class<T> type) {
    ObjectReader reader = MAPPER.readerFor(type);
    ObjectWriter writer = MAPPER.writerFor(type);
    return Serdes.serdeFrom(
        (topic, value) -> {
          try {
            return value == null ? null : writer.writeValueAsBytes(value);
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
        },
        (topic, bytes) -> {
          try {
            return bytes == null ? null : reader.readValue(bytes);
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
        });
  }

  public static void main(String[] words) throws Exception {
    String query = words[1], sink = words[2];
    long records = Long.parseLong(words[3]);
    Properties settings = new Properties();
    settings.put("application.id", "streamsql-bench-peer-" + System.currentTimeMillis());
    settings.put("bootstrap.servers", words[0]);
    settings.put("statestore.cache.max.bytes", words[4]);
    settings.put("commit.interval.ms", "2000");
    settings.put("state.dir", words[5]);
    settings.put("replication.factor", "1");
    settings.put("consumer.auto.offset.reset", "earliest");
    StreamsBuilder builder = new StreamsBuilder();
    int hops = build(builder, query, sink);
    KafkaStreams streams = new KafkaStreams(builder.build(), settings);
    streams.start();
    try {
      await(streams, records, records * hops);
    } finally {
      streams.close(Duration.ofSeconds(60));
      streams.cleanUp();
    }
  }

  /** The query; gives how often each record is processed. */
  private static int build(StreamsBuilder builder, String query, String sink) {
    Serde<Bid> bidSerde = json(Bid.class);
    KStream<byte[], Bid> bids =
        builder.stream("bid", Consumed.with(Serdes.ByteArray(), bidSerde));
    switch (query) {
      case "q1":
        bids.mapValues(KafkaStreamsPeer::converted)
            .to(sink, Produced.with(Serdes.ByteArray(), json(Price.class)));
        return 1;
      case "agg":
        bids.groupBy((key, bid) -> bid.auction, Grouped.with(Serdes.Long(), bidSerde))
            .aggregate(
                Totals::new,
                (auction, bid, totals) -> {
                  totals.cnt++;
                  totals.total += bid.price;
                  totals.mx = Math.max(totals.mx, bid.price);
                  return totals;
                },
                Materialized.with(Serdes.Long(), json(Totals.class)))
            .toStream()
            .to(sink, Produced.with(Serdes.Long(), json(Totals.class)));
        return 2;
      case "q12":
        long size = Duration.ofSeconds(10).toMillis();
        bids.groupBy((key, bid) -> bid.bidder, Grouped.with(Serdes.Long(), bidSerde))
            .windowedBy(
                TimeWindows.ofSizeAndGrace(Duration.ofMillis(size), Duration.ofHours(24)))
            .aggregate(
                Count::new,
                (bidder, bid, count) -> {
                  count.cnt++;
                  return count;
                },
                Materialized.with(Serdes.Long(), json(Count.class)))
            .toStream()
            .to(
                sink,
                Produced.with(
                    WindowedSerdes.timeWindowedSerdeFrom(Long.class, size), json(Count.class)));
        return 2;
      default:
        throw new IllegalArgumentException("no query " + query);
    }
  }

  private static Price converted(Bid bid) {
    Price made = new Price();
    made.auction = bid.auction;
    made.bidder = bid.bidder;
    made.price = bid.price * 908 / 1000.0;
    made.date_time = bid.date_time;
    made.extra = bid.extra;
    return made;
  }

  /** Waits until `steps` records were processed; fails where none is for a minute. */
  private static void await(KafkaStreams streams, long records, long steps) throws Exception {
    double last = -1;
    long moved = System.currentTimeMillis();
    while (true) {
      double done = processed(streams);
      long now = System.currentTimeMillis();
      if (done != last) {
        last = done;
        moved = now;
      }
      boolean running = streams.state() == KafkaStreams.State.RUNNING;
      if (records == 0 ? running : done >= steps) {
        return;
      }
      if (streams.state() == KafkaStreams.State.ERROR || now - moved > STALLED_MS) {
        throw new IllegalStateException(streams.state() + " after " + done + " of " + steps);
      }
      Thread.sleep(20);
    }
  }

  private static double processed(KafkaStreams streams) {
    double total = 0;
    for (Map.Entry<MetricName, ? extends Metric> entry : streams.metrics().entrySet()) {
      MetricName name = entry.getKey();
      if (name.name().equals("process-total") && name.group().equals("stream-thread-metrics")) {
        total += ((Number) entry.getValue().metricValue()).doubleValue();
      }
    }
    return total;
  }
}
