package dev.nestwalk.acpi;

/** Text of unknown origin as it may be shown on a terminal. */
final class Visible {
  private static final int LONGEST = 60;

  /** The text, cut to 60 characters; whatever is no printable ASCII as {@code ?}. */
  static String of(String text) {
    String cut = text.length() > LONGEST ? text.substring(0, LONGEST) + "..." : text;
    return cut.replaceAll("[^\\x20-\\x7e]", "?");
  }

  private Visible() {}
}
