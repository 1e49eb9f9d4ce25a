import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URLDecoder;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * Answers what Java does, a line for a line. A line is a command and its texts, separated by
 * blanks; a text is the hexadecimal of its UTF-16 units after "=", "-" for null.
 */
public final class Oracle {
  public static void main(String[] args) throws Exception {
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, "UTF-8"));
    PrintStream out = new PrintStream(System.out, false, "UTF-8");
    String line;
    while ((line = in.readLine()) != null) {
      String[] words = line.split(" ", -1);
      out.println(answer(words[0], words));
    }
    out.flush();
  }

  private static String answer(String command, String[] words) throws Exception {
    String first = command.equals("utf8") ? null : read(words[1]);
    switch (command) {
      case "upper":
        return show(first.toUpperCase());
      case "lower":
        return show(first.toLowerCase());
      case "uri":
        return uri(first);
      case "form":
        try {
          return show(URLDecoder.decode(first, "UTF-8"));
        } catch (IllegalArgumentException e) {
          return "bad";
        }
      case "utf8":
        return show(new String(bytes(words[1].substring(1)), "UTF-8"));
      case "double":
        return show(Double.toString(Double.parseDouble(first)));
      case "find":
        return find(first, read(words[2]));
      case "replace":
        try {
          return show(read(words[2]).replaceAll(first, read(words[3])));
        } catch (RuntimeException e) {
          return "bad";
        }
      default:
        throw new IllegalArgumentException(command);
    }
  }

  private static String uri(String text) {
    try {
      URI u = new URI(text);
      return String.join(
          " ",
          show(u.getScheme()),
          show(u.getHost()),
          Integer.toString(u.getPort()),
          show(u.getPath()),
          show(u.getQuery()),
          show(u.getFragment()));
    } catch (URISyntaxException e) {
      return "bad";
    }
  }

  /** The groups of every match, matches separated by "|". */
  private static String find(String pattern, String text) {
    try {
      Matcher m = Pattern.compile(pattern).matcher(text);
      List<String> matches = new ArrayList<>();
      while (m.find()) {
        List<String> groups = new ArrayList<>();
        for (int g = 0; g <= m.groupCount(); g++) {
          groups.add(show(m.group(g)));
        }
        matches.add(String.join(",", groups));
      }
      return m.groupCount() + " " + String.join("|", matches);
    } catch (PatternSyntaxException e) {
      return "bad";
    }
  }

  private static byte[] bytes(String hex) {
    byte[] out = new byte[hex.length() / 2];
    for (int i = 0; i < out.length; i++) {
      out[i] = (byte) Integer.parseInt(hex.substring(2 * i, 2 * i + 2), 16);
    }
    return out;
  }

  private static String read(String word) {
    StringBuilder out = new StringBuilder();
    for (int i = 1; i < word.length(); i += 4) {
      out.append((char) Integer.parseInt(word.substring(i, i + 4), 16));
    }
    return out.toString();
  }

  private static String show(String text) {
    if (text == null) {
      return "-";
    }
    StringBuilder out = new StringBuilder("=");
    for (char c : text.toCharArray()) {
      out.append(String.format("%04x", (int) c));
    }
    return out.toString();
  }
}
