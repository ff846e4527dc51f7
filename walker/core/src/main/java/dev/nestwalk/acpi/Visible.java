package dev.nestwalk.acpi;

/** Makes text of unknown origin safe to show on a terminal. */
final class Visible {
  private static final int LONGEST = 60;

  /** The text, cut to 60 characters, with {@code ?} for everything but printable ASCII. */
  static String of(String text) {
    String cut = text.length() > LONGEST ? text.substring(0, LONGEST) + "..." : text;
    return cut.replaceAll("[^\\x20-\\x7e]", "?");
  }

  private Visible() {}
}
