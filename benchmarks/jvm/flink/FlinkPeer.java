import org.apache.flink.configuration.Configuration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.bridge.java.StreamTableEnvironment;

/**
 * The queries of ../../queries by Flink SQL in one process, with object reuse: the same keys, and
 * JSON values with the same fields.
 *
 * <p>Words: broker, query, sink, partitions, `changes` or `batch` (mini-batches), directory for
 * checkpoints. It reads up to where the topics end as it starts.
 */
public class FlinkPeer {
  private static final String BID =
      "auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, url STRING,"
          + " date_time BIGINT, extra STRING";

  public static void main(String[] words) throws Exception {
    String broker = words[0], query = words[1], sink = words[2];
    boolean batches = words[4].equals("batch");
    Configuration settings = new Configuration();
    settings.setString("parallelism.default", words[3]);
    settings.setString("taskmanager.numberOfTaskSlots", words[3]);
    settings.setString("execution.checkpointing.interval", "2 s");
    settings.setString("execution.checkpointing.mode", "AT_LEAST_ONCE");
    settings.setString("execution.checkpointing.storage", "filesystem");
    settings.setString("execution.checkpointing.dir", "file://" + words[5]);
    settings.setString("state.backend.type", "hashmap");
    settings.setString("taskmanager.memory.network.min", "64m");
    settings.setString("taskmanager.memory.network.max", "64m");
    settings.setString("rest.bind-port", "0");
    settings.setString("pipeline.object-reuse", "true");
    StreamExecutionEnvironment environment =
        StreamExecutionEnvironment.getExecutionEnvironment(settings);
    StreamTableEnvironment tables =
        StreamTableEnvironment.create(
            environment, EnvironmentSettings.newInstance().inStreamingMode().build());
    if (batches) {
      tables.getConfig().set("table.exec.mini-batch.enabled", "true");
      tables.getConfig().set("table.exec.mini-batch.allow-latency", "500 ms");
      tables.getConfig().set("table.exec.mini-batch.size", "5000");
    }
    String cluster = "'properties.bootstrap.servers'='" + broker + "'";
    tables.executeSql(
        "CREATE TABLE bid (" + BID + ") WITH ('connector'='kafka', 'topic'='bid', " + cluster
            + ", 'properties.group.id'='streamsql-bench-peer',"
            + " 'scan.startup.mode'='earliest-offset', 'scan.bounded.mode'='latest-offset',"
            + " 'format'='json')");
    String to = "'topic'='" + sink + "', " + cluster;
    switch (query) {
      case "q1":
        tables.executeSql(
            "CREATE TABLE sink (auction BIGINT, bidder BIGINT, price DOUBLE, date_time BIGINT,"
                + " extra STRING) WITH ('connector'='kafka', " + to + ", 'format'='json',"
                + " 'sink.delivery-guarantee'='at-least-once')");
        tables
            .executeSql(
                "INSERT INTO sink SELECT auction, bidder, price * 908 / 1000e0, date_time, extra"
                    + " FROM bid")
            .await();
        break;
      case "agg":
        tables.executeSql(
            "CREATE TABLE sink (auction BIGINT, cnt BIGINT, total BIGINT, mx BIGINT,"
                + " PRIMARY KEY (auction) NOT ENFORCED) WITH ('connector'='upsert-kafka', " + to
                + ", 'key.format'='raw', 'value.format'='json',"
                + " 'value.fields-include'='EXCEPT_KEY')");
        tables
            .executeSql(
                "INSERT INTO sink SELECT auction, COUNT(*), SUM(price), MAX(price) FROM bid"
                    + " GROUP BY auction")
            .await();
        break;
      default:
        throw new IllegalArgumentException("no query " + query);
    }
    System.exit(0);
  }
}
