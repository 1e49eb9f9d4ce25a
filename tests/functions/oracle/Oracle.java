import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalTime;
import java.time.ZoneId;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeFormatterBuilder;
import java.time.temporal.ChronoField;
import java.time.temporal.TemporalAccessor;
import java.time.temporal.TemporalQueries;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;

/** Answers questions, one a line, its parts divided by tabs: what Java makes of a value. */
public final class Oracle {
  public static void main(final String[] args) throws Exception {
    final BufferedReader in =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    final PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      String answer;
      try {
        answer = "=" + answer(line.split("\t", -1));
      } catch (final RuntimeException e) {
        answer = "!" + e.getClass().getSimpleName();
      }
      out.println(answer);
    }
  }

  private static String answer(final String[] q) {
    switch (q[0]) {
      case "format_instant":
        return Instant.ofEpochMilli(Long.parseLong(q[1])).atZone(ZoneId.of(q[3]))
            .format(DateTimeFormatter.ofPattern(q[2], Locale.US));
      case "format_date":
        return LocalDate.ofEpochDay(Long.parseLong(q[1]))
            .format(DateTimeFormatter.ofPattern(q[2], Locale.US));
      case "format_time":
        return LocalTime.ofNanoOfDay(Long.parseLong(q[1]) * 1_000_000L)
            .format(DateTimeFormatter.ofPattern(q[2], Locale.US));
      case "parse_instant":
        return String.valueOf(parseInstant(q[1], q[2], ZoneId.of(q[3])));
      case "parse_date":
        return String.valueOf(LocalDate.parse(q[1], reader(q[2])).toEpochDay());
      case "parse_time":
        return String.valueOf(LocalTime.parse(q[1], reader(q[2])).toNanoOfDay() / 1_000_000L);
      case "double_text":
        return Double.toString(Double.parseDouble(q[1]));
      case "double_int":
        return String.valueOf((int) Double.parseDouble(q[1]));
      case "double_long":
        return String.valueOf((long) Double.parseDouble(q[1]));
      case "round":
        return String.valueOf(Math.round(Double.parseDouble(q[1])));
      case "decimal_text":
        return new BigDecimal(q[1]).toString();
      case "double_decimal":
        return new BigDecimal(Double.parseDouble(q[1]), new MathContext(Integer.parseInt(q[2])))
            .setScale(Integer.parseInt(q[3]), RoundingMode.HALF_UP).toPlainString();
      case "read_int":
        return String.valueOf(Integer.parseInt(q[1].trim()));
      case "read_double":
        return Double.toString(Double.parseDouble(q[1].trim()));
      case "read_decimal":
        return new BigDecimal(q[1].trim())
            .setScale(Integer.parseInt(q[2]), RoundingMode.HALF_UP).toPlainString();
      case "hash_order":
        final Map<String, String> map = new HashMap<>(q.length - 1);
        for (int i = 1; i < q.length; i++) {
          map.put(q[i], q[i]);
        }
        return String.join("\t", map.keySet());
      default:
        throw new IllegalArgumentException(q[0]);
    }
  }

  private static DateTimeFormatter reader(final String pattern) {
    return new DateTimeFormatterBuilder().parseCaseInsensitive().appendPattern(pattern)
        .toFormatter(Locale.US);
  }

  /** Fields that the text does not say are those of 1970-01-01T00:00 in its zone. */
  private static long parseInstant(final String text, final String pattern, final ZoneId zone) {
    final TemporalAccessor parsed = reader(pattern).parse(text);
    final ZoneId own = parsed.query(TemporalQueries.zone());
    ZonedDateTime found = ZonedDateTime.of(1970, 1, 1, 0, 0, 0, 0, own == null ? zone : own);
    for (final ChronoField field : ChronoField.values()) {
      if (parsed.isSupported(field)) {
        if (field == ChronoField.DAY_OF_YEAR && parsed.getLong(field) == 366) {
          found = found.withYear(parsed.get(ChronoField.YEAR));
        }
        found = found.with(field, parsed.getLong(field));
      }
    }
    return found.toInstant().toEpochMilli();
  }
}
