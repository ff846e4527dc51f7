package dev.nestwalk.teach.exercises;

import com.google.gson.Gson;
import dev.nestwalk.region.Policy;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A sheet as one self-contained page, which needs neither network nor server. Solutions are in it
 * in a veiled form: nobody reads one by accident, but anyone can reveal it.
 */
public final class HtmlSheet {
  private static final Gson JSON = new Gson();

  /**
   * The page.
   *
   * @param command the command line that produces this sheet again
   * @throws IOException if the template is missing
   */
  public static String of(Sheet sheet, String command) throws IOException {
    StringBuilder body = new StringBuilder(1 << 15);
    StringBuilder contents = new StringBuilder();
    int number = 1;
    Topic topic = null;
    for (Exercise exercise : sheet.exercises()) {
      if (exercise.kind().topic() != topic) {
        topic = exercise.kind().topic();
        body.append("<h2>").append(escape(topic.title())).append("</h2>\n");
        if (topic == Topic.REGIONS && PolicyNotes.areNeeded(sheet)) {
          policies(body);
        }
        contents.append("<span class=\"topic\">%s</span>\n".formatted(escape(topic.title())));
      }
      contents.append("<a href=\"#e%d\" id=\"l%d\">%d</a>\n".formatted(number, number, number));
      exercise(body, number++, exercise);
    }
    return template()
        .replace("@COMMAND@", escape(command))
        .replace("@SEED@", Long.toString(sheet.seed()))
        .replace("@COUNT@", Integer.toString(sheet.exercises().size()))
        .replace("@CONTENTS@", contents)
        .replace("@BODY@", body);
  }

  private static void policies(StringBuilder page) {
    page.append("<section class=\"note\" aria-labelledby=\"policies\">\n");
    page.append("<h3 id=\"policies\">%s</h3>\n".formatted(escape(PolicyNotes.TITLE)));
    page.append("<p>%s</p>\n<table class=\"given\">\n".formatted(PolicyNotes.INTRODUCTION));
    for (Policy policy : Policy.all()) {
      page.append(
          "<tr><th scope=\"row\" class=\"mono\">%s</th><td>%s</td></tr>\n"
              .formatted(escape(policy.name()), escape(PolicyNotes.of(policy))));
    }
    page.append("</table>\n</section>\n");
  }

  private static String template() throws IOException {
    try (InputStream page = HtmlSheet.class.getResourceAsStream("exercises.html")) {
      if (page == null) {
        throw new IOException("the sheet's template is missing");
      }
      return new String(page.readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  static String escape(String text) {
    return text.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace("\"", "&quot;");
  }

  private static void exercise(StringBuilder page, int number, Exercise exercise) {
    page.append(
        "<section class=\"exercise\" id=\"e%d\" aria-labelledby=\"t%d\">\n"
            .formatted(number, number));
    page.append(
        "<h3 id=\"t%d\">%s</h3>\n"
            .formatted(number, escape(MarkdownSheet.heading(number, exercise))));
    page.append("<p id=\"q%d\">%s</p>\n".formatted(number, escape(exercise.question())));
    given(page, number, exercise);
    page.append(
        "<form data-number=\"%d\" data-veiled=\"%s\" autocomplete=\"off\">\n"
            .formatted(number, veiled(number, exercise)));
    switch (exercise.answer()) {
      case Answer.Value value ->
          page.append(
              "<label>Answer (%s) <input type=\"text\" class=\"mono\" size=\"22\" data-style=\"%s\" spellcheck=\"false\"></label>\n"
                  .formatted(hint(value.style()), value.style().name()));
      case Answer.Choice choice -> options(page, number, "radio", choice.options());
      case Answer.Several several -> options(page, number, "checkbox", several.options());
    }
    page.append("<p class=\"blank\">Answer: ____________________</p>\n");
    page.append("<button type=\"submit\">Check</button>\n");
    page.append(
        "<button type=\"button\" class=\"reveal\" aria-expanded=\"false\" aria-controls=\"s%d\">Reveal</button>\n"
            .formatted(number));
    page.append("<span class=\"verdict\" role=\"status\"></span>\n");
    page.append(
        "</form>\n<div class=\"solution\" id=\"s%d\" hidden></div>\n</section>\n"
            .formatted(number));
  }

  private static void given(StringBuilder page, int number, Exercise exercise) {
    if (!exercise.facts().isEmpty()) {
      page.append("<table class=\"given\"><caption>Given</caption>\n");
      for (Fact fact : exercise.facts()) {
        page.append(
            "<tr><th scope=\"row\">%s</th><td class=\"mono\">%s</td></tr>\n"
                .formatted(escape(fact.name()), escape(fact.shown())));
      }
      page.append("</table>\n");
    }
    if (!exercise.memory().isEmpty()) {
      page.append(
          "<p class=\"label\">Memory, 64-bit words by physical address</p>\n"
              + "<pre class=\"memory\" tabindex=\"0\" role=\"group\" aria-label=\"Memory of exercise %d\">%s</pre>\n"
                  .formatted(number, MarkdownSheet.memory(exercise)));
    }
  }

  private static String hint(Answer.Style style) {
    return switch (style) {
      case HEX -> "hexadecimal";
      case COUNT -> "decimal, or 0x…";
      case SIZE -> "bytes, as 4096, 4K or 0x1000";
    };
  }

  private static void options(StringBuilder page, int number, String type, List<String> options) {
    page.append(
        "<fieldset><legend>%s</legend>\n"
            .formatted(type.equals("radio") ? "Choose one" : "Tick all that apply"));
    for (int i = 0; i < options.size(); i++) {
      page.append(
          "<label><input type=\"%s\" name=\"a%d\" value=\"%d\"> %s</label>\n"
              .formatted(type, number, i, escape(options.get(i))));
    }
    page.append("</fieldset>\n");
  }

  /** The answer that the page checks against and reveals, not readable at a glance. */
  static String veiled(int number, Exercise exercise) {
    Map<String, Object> secret = new LinkedHashMap<>();
    switch (exercise.answer()) {
      case Answer.Value value -> secret.put("value", Text.hex(value.value()));
      case Answer.Choice choice -> secret.put("right", List.of(choice.right()));
      case Answer.Several several -> secret.put("right", new ArrayList<>(several.right()));
    }
    secret.put("shown", exercise.answer().shown());
    secret.put("steps", exercise.steps());
    byte[] bytes = JSON.toJson(secret).getBytes(StandardCharsets.UTF_8);
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] ^= (byte) (i * 7 + number * 13 + 0x5a);
    }
    return Base64.getEncoder().encodeToString(bytes);
  }

  private HtmlSheet() {}
}
