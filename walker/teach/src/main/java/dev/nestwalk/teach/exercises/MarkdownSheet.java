package dev.nestwalk.teach.exercises;

import dev.nestwalk.region.Policy;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** A sheet as Markdown: questions in one text, solutions in another. */
public final class MarkdownSheet {
  private static final long PAGE = -4096;

  /**
   * The questions.
   *
   * @param command the command line that produces this sheet again
   */
  public static String questions(Sheet sheet, String command) {
    StringBuilder text = new StringBuilder(1 << 14);
    text.append("# Exercises\n\n");
    text.append("Seed %d. Made by `%s`.\n".formatted(sheet.seed(), command));
    int number = 1;
    boolean explained = !PolicyNotes.areNeeded(sheet);
    for (Exercise exercise : sheet.exercises()) {
      if (!explained && exercise.kind().topic() == Topic.REGIONS) {
        explained = true;
        policies(text);
      }
      text.append("\n## ").append(heading(number++, exercise)).append("\n\n");
      question(text, exercise);
    }
    return text.toString();
  }

  /**
   * The solutions with their steps.
   *
   * @param command the command line that produces this sheet again
   */
  public static String solutions(Sheet sheet, String command) {
    StringBuilder text = new StringBuilder(1 << 14);
    text.append("# Solutions\n\n");
    text.append("Seed %d. Made by `%s`.\n".formatted(sheet.seed(), command));
    int number = 1;
    for (Exercise exercise : sheet.exercises()) {
      text.append("\n## ").append(heading(number++, exercise)).append("\n\n");
      text.append("**").append(exercise.answer().shown()).append("**\n\n");
      for (String step : exercise.steps()) {
        text.append("* ").append(step).append('\n');
      }
    }
    return text.toString();
  }

  private static void policies(StringBuilder text) {
    text.append("\n## ").append(PolicyNotes.TITLE).append("\n\n");
    text.append(PolicyNotes.INTRODUCTION).append("\n\n| policy | rule |\n| --- | --- |\n");
    for (Policy policy : Policy.all()) {
      text.append("| %s | %s |\n".formatted(policy.name(), PolicyNotes.of(policy)));
    }
  }

  /** Number, question and format in a few words. */
  static String heading(int number, Exercise exercise) {
    String summary = exercise.kind().summary();
    return "%d. %s%s (%s)"
        .formatted(
            number,
            Character.toUpperCase(summary.charAt(0)),
            summary.substring(1),
            exercise.format().title());
  }

  private static void question(StringBuilder text, Exercise exercise) {
    text.append(exercise.question()).append("\n\n");
    if (!exercise.facts().isEmpty()) {
      text.append("| given | |\n| --- | --- |\n");
      for (Fact fact : exercise.facts()) {
        text.append("| %s | %s |\n".formatted(fact.name(), fact.shown()));
      }
      text.append('\n');
    }
    if (!exercise.memory().isEmpty()) {
      text.append("Memory, 64-bit words:\n\n```\n").append(memory(exercise)).append("```\n\n");
    }
    switch (exercise.answer()) {
      case Answer.Value value -> text.append("Answer: ________\n");
      case Answer.Choice choice -> options(text, choice.options());
      case Answer.Several several -> options(text, several.options());
    }
  }

  private static void options(StringBuilder text, List<String> options) {
    for (String option : options) {
      text.append("- [ ] ").append(option).append('\n');
    }
  }

  /** The words, with pages separated. */
  static String memory(Exercise exercise) {
    StringBuilder text = new StringBuilder();
    long page = exercise.memory().firstKey() & PAGE;
    for (Map.Entry<Long, Long> word : exercise.memory().entrySet()) {
      if ((word.getKey() & PAGE) != page) {
        page = word.getKey() & PAGE;
        text.append('\n');
      }
      text.append("%s: %s\n".formatted(Text.hex(word.getKey()), Text.word(word.getValue())));
    }
    return text.toString();
  }

  /** All kinds as a table. */
  public static String kinds() {
    StringBuilder text = new StringBuilder("| topic | kind | formats | asks |\n");
    text.append("| --- | --- | --- | --- |\n");
    for (Kind kind : Kind.values()) {
      String formats = kind.formats().stream().map(Format::title).collect(Collectors.joining(", "));
      text.append(
          "| %s | `%s` | %s | %s |\n"
              .formatted(kind.topic().id(), kind.id(), formats, kind.summary()));
    }
    return text.toString();
  }

  private MarkdownSheet() {}
}
