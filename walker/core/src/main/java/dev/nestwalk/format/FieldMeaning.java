package dev.nestwalk.format;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Derives what a field says with a given value from the one line that {@link Field#meaning}
 * declares for all values. The line may have one of three forms:
 *
 * <ul>
 *   <li>a list of values, at the beginning or after a colon, as in {@code "0: points to a table; 1:
 *       maps a page"} or {@code "granule: 0 4K, 1 64K, 2 16K"}. Numbers are binary if all of them
 *       have as many digits as the field has bits; {@code x} then stands for either digit. A range
 *       is written {@code "1 to 11"}, and the last entry may be {@code "else"};
 *   <li>arithmetic with the field's name, as in {@code "input addresses have MGAW + 1 bits"};
 *   <li>for a single bit, what it means when it is set.
 * </ul>
 *
 * <p>Any other line holds for every value and is returned unchanged.
 */
final class FieldMeaning {
  private static final Pattern ENTRY =
      Pattern.compile("(?<key>[01x]{2,3}|\\d+(?: to \\d+)?|else):? (?<text>\\S.*)");
  private static final Pattern SEPARATOR =
      Pattern.compile("[;,] (?=(?:[01x]{2,3}|\\d+(?: to \\d+)?|else):? \\S)");

  /** Words that are negated by "not". */
  private static final Set<String> ADJECTIVES =
      Set.of("present", "valid", "readable", "writable", "executable", "privileged", "global");

  /** Beginnings of lines that describe a bit whatever its value is. */
  private static final List<String> ALWAYS = List.of("ignored", "memory type;", "secure only");

  private final String name;
  private final int bits;
  private final String meaning;
  private final long value;

  private FieldMeaning(String name, int bits, String meaning, long value) {
    this.name = name;
    this.bits = bits;
    this.meaning = meaning;
    this.value = value;
  }

  /** The line for {@code value}, right-aligned, of a field of {@code bits} bits. */
  static String of(String name, int bits, String meaning, long value) {
    return new FieldMeaning(name, bits, meaning, value).text();
  }

  private String text() {
    int colon = meaning.indexOf(": ");
    String listed = listed(meaning);
    if (listed == null && colon > 0) {
      String after = listed(meaning.substring(colon + 2));
      listed = after == null ? null : meaning.substring(0, colon + 2) + after;
    }
    if (listed != null) {
      return computed(listed);
    }
    if (bits > 1 || value != 0 || ALWAYS.stream().anyMatch(meaning::startsWith)) {
      return computed(meaning);
    }
    return ADJECTIVES.contains(meaning) ? "not " + meaning : "not set (1: " + meaning + ")";
  }

  private record Entry(String key, String text) {}

  /** The list's entry for the value; null if the text is not a list or has no such entry. */
  private @Nullable String listed(String text) {
    // Most lines are not lists; a walk decodes many fields, and patterns are slow.
    if (!beginsAsList(text)) {
      return null;
    }
    List<Entry> entries = new ArrayList<>();
    for (String part : SEPARATOR.split(text, -1)) {
      Matcher entry = ENTRY.matcher(part);
      if (!entry.matches()) {
        return null;
      }
      entries.add(new Entry(entry.group("key"), entry.group("text")));
    }
    boolean binary =
        bits > 1 && entries.stream().allMatch(e -> e.key.matches("[01x]{" + bits + "}|else"));
    for (Entry entry : entries) {
      boolean rest = entry.key.equals("else");
      if (rest || (binary ? isBinary(entry.key) : isWithin(entry.key))) {
        return entry.text;
      }
    }
    return null;
  }

  private static boolean beginsAsList(String text) {
    return !text.isEmpty()
        && (Character.isDigit(text.charAt(0)) || text.charAt(0) == 'x' || text.startsWith("else"));
  }

  private boolean isBinary(String key) {
    String digits = "0".repeat(bits) + Long.toBinaryString(value);
    return digits.substring(digits.length() - bits).matches(key.replace('x', '.'));
  }

  private boolean isWithin(String key) {
    if (key.indexOf('x') >= 0) {
      return false;
    }
    String[] ends = key.split(" to ", -1);
    long last = Long.parseLong(ends[ends.length - 1]);
    return Long.parseLong(ends[0]) <= value && value <= last;
  }

  /** The text with the arithmetic carried out: "38 + 1 = 39" in place of "MGAW + 1". */
  private String computed(String text) {
    if (!text.contains(name)) {
      return text;
    }
    String quoted = Pattern.quote(name);
    String operand = "(?:\\d+ ?\\* ?)?" + quoted + "(?: ?[+-] ?\\d+)?";
    Pattern sum =
        Pattern.compile(
            "(?<![\\w.])(?:2\\^\\("
                + operand
                + "\\)|2\\^"
                + quoted
                + "|(?:\\d+ [-+*] )?"
                + operand
                + ")(?!\\w)");
    Matcher found = sum.matcher(text);
    if (!found.find() || found.group().equals(name)) {
      return text;
    }
    String formula = found.group().replace(name, Long.toString(value));
    long result = evaluate(formula);
    String said = String.format(Locale.ROOT, "%s = %d", formula, result);
    return result < 0
        ? text
        : text.substring(0, found.start()) + said + text.substring(found.end());
  }

  /**
   * A number, a product, a sum, or 2 to the power of one of these; negative if it is out of range.
   */
  private static long evaluate(String formula) {
    if (formula.startsWith("2^")) {
      long power = evaluate(formula.substring(2).replaceAll("[()]", ""));
      return power < 0 || power > 62 ? -1 : 1L << power;
    }
    Matcher operation = Pattern.compile("(.+?) ?([-+]) ?(.+)").matcher(formula);
    if (operation.matches()) {
      long left = evaluate(operation.group(1));
      long right = evaluate(operation.group(3));
      return operation.group(2).equals("+") ? left + right : left - right;
    }
    Matcher product = Pattern.compile("(\\d+) ?\\* ?(\\d+)").matcher(formula);
    return product.matches()
        ? Long.parseLong(product.group(1)) * Long.parseLong(product.group(2))
        : Long.parseLong(formula);
  }
}
