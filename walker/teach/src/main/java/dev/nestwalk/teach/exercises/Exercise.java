package dev.nestwalk.teach.exercises;

import java.util.Collections;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * An exercise: a question that can be answered from what it shows, and its answer.
 *
 * @param kind the kind of question
 * @param format the format that it is about
 * @param question the question in words
 * @param facts given values, by name
 * @param memory given memory: 64-bit words by physical address
 * @param answer the answer
 * @param steps the steps to the answer
 * @param subject the machine that the question is about, or null
 */
public record Exercise(
    Kind kind,
    Format format,
    String question,
    List<Fact> facts,
    SortedMap<Long, Long> memory,
    Answer answer,
    List<String> steps,
    @Nullable Subject subject) {
  /** Copies the collections. */
  public Exercise {
    facts = List.copyOf(facts);
    memory = Collections.unmodifiableSortedMap(new TreeMap<>(memory));
    steps = List.copyOf(steps);
  }

  /** A fact by its name. */
  public long fact(String name) {
    for (Fact fact : facts) {
      if (fact.name().equals(name)) {
        return fact.value();
      }
    }
    throw new IllegalArgumentException(kind + " gives no '" + name + "': " + facts);
  }

  /** Whether a fact is given. */
  public boolean gives(String name) {
    return facts.stream().anyMatch(fact -> fact.name().equals(name));
  }

  /** Everything that a reader sees before the answer; exercises with equal texts are equal. */
  String asked() {
    List<String> options =
        switch (answer) {
          case Answer.Choice choice -> choice.options();
          case Answer.Several several -> several.options();
          case Answer.Value value -> List.of(value.style().name());
        };
    return format + question + facts + memory + options.stream().sorted().toList();
  }
}
