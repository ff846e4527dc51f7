package dev.nestwalk.cli;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Makes messages safe for a terminal: one line, without control characters. */
final class Messages {
  private static final int LONGEST_WORD = 120;
  private static final int SHOWN = 60;
  private static final Pattern LONG_WORD = Pattern.compile("\\S{" + (LONGEST_WORD + 1) + ",}");
  private static final Pattern BREAKS = Pattern.compile("\\s*\\R\\s*");

  /** The message in one line; long words are cut, control characters are shown as {@code \x1b}. */
  static String line(String message) {
    String one = BREAKS.matcher(message).replaceAll(" ");
    String cut =
        LONG_WORD
            .matcher(one)
            .replaceAll(
                word ->
                    Matcher.quoteReplacement(
                        word.group().substring(0, SHOWN)
                            + "…("
                            + word.group().length()
                            + " characters)"));
    StringBuilder visible = new StringBuilder(cut.length());
    cut.codePoints()
        .forEach(
            c -> {
              int type = Character.getType(c);
              boolean steers =
                  type == Character.CONTROL
                      || type == Character.FORMAT
                      || type == Character.LINE_SEPARATOR
                      || type == Character.PARAGRAPH_SEPARATOR
                      || type == Character.SURROGATE
                      || type == Character.UNASSIGNED;
              visible.append(
                  !steers
                      ? Character.toString(c)
                      : c < 256 ? "\\x%02x".formatted(c) : "\\u%04x".formatted(c));
            });
    return visible.toString();
  }

  private Messages() {}
}
