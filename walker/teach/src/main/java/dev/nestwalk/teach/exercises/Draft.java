package dev.nestwalk.teach.exercises;

import dev.nestwalk.fixtures.Chance;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** Collects the parts of an exercise. */
final class Draft {
  private static final int MOST_OPTIONS = 4;

  private final Kind kind;
  private final Format format;
  private final List<Fact> facts = new ArrayList<>();
  private final SortedMap<Long, Long> memory = new TreeMap<>();
  private final List<String> steps = new ArrayList<>();
  private String question = "";
  private @Nullable Subject subject;

  Draft(Kind kind, Format format) {
    this.kind = kind;
    this.format = format;
  }

  Kind kind() {
    return kind;
  }

  Format format() {
    return format;
  }

  boolean isVtd() {
    return format == Format.VTD;
  }

  /** Copies the facts of another draft. */
  void copyFacts(Draft other) {
    facts.addAll(other.facts);
  }

  /** Sets the question. */
  Draft ask(String words) {
    question = words;
    return this;
  }

  /** Sets the machine. */
  Draft about(Subject machine) {
    subject = machine;
    return this;
  }

  Draft fact(String name, long value, String shown) {
    facts.add(new Fact(name, value, shown));
    return this;
  }

  Draft hex(String name, long value) {
    return fact(name, value, Text.hex(value));
  }

  Draft word(String name, long value) {
    return fact(name, value, Text.word(value));
  }

  Draft count(String name, long value) {
    return fact(name, value, Long.toString(value));
  }

  Draft size(String name, long value) {
    return fact(name, value, Text.size(value));
  }

  Draft access(int access) {
    return fact("access", access, Text.access(access));
  }

  /** Adds the geometry of a stage's tables as the fields that software writes. */
  Draft tables(Geometry geometry) {
    shape(geometry);
    if (geometry.isVtd()) {
      return hex(geometry.stageName() + " table", geometry.root());
    }
    return hex(
        geometry.stage() == 2 ? "S2TTB" : geometry.upper() ? "TTB1" : "TTB0", geometry.root());
  }

  /** Adds the geometry without the address of the tables. */
  Draft shape(Geometry geometry) {
    if (geometry.isVtd()) {
      return count(geometry.stageName() + " levels", geometry.start());
    }
    fact(geometry.stageName() + " granule", geometry.granule(), geometry.granuleName());
    long size = 64L - geometry.bits();
    if (geometry.stage() == 1) {
      return count(geometry.upper() ? "T1SZ" : "T0SZ", size);
    }
    long sl = (geometry.granule() == 12 ? 2L : 3L) - geometry.start();
    return count("S2T0SZ", size).count("S2SL0", sl);
  }

  Draft memory(SortedMap<Long, Long> words) {
    memory.putAll(words);
    return this;
  }

  Draft step(String line) {
    steps.add(line);
    return this;
  }

  Draft steps(Collection<String> lines) {
    steps.addAll(lines);
    return this;
  }

  private Exercise make(Answer answer) {
    return new Exercise(kind, format, question, facts, memory, answer, steps, subject);
  }

  Exercise value(long value, Answer.Style style) {
    return make(new Answer.Value(value, style));
  }

  /** A choice between {@code right} and up to three wrong options, in random order. */
  Exercise choice(Chance chance, String right, Collection<String> wrong) {
    Set<String> others = new LinkedHashSet<>(shuffled(chance, wrong));
    others.remove(right);
    List<String> options = new ArrayList<>(others);
    while (options.size() >= MOST_OPTIONS) {
      options.removeLast();
    }
    options.add(right);
    List<String> order = shuffled(chance, options);
    return make(new Answer.Choice(order, order.indexOf(right)));
  }

  /** A choice whose options keep their order. */
  Exercise ordered(List<String> options, int right) {
    return make(new Answer.Choice(options, right));
  }

  /** Options of which those in {@code right} have to be ticked. */
  Exercise several(List<String> options, Collection<String> right) {
    SortedSet<Integer> indices = new TreeSet<>();
    right.forEach(option -> indices.add(options.indexOf(option)));
    return make(new Answer.Several(options, indices));
  }

  static <T> List<T> shuffled(Chance chance, Collection<T> all) {
    List<T> list = new ArrayList<>(all);
    for (int i = list.size() - 1; i > 0; i--) {
      int other = chance.below(i + 1);
      T moved = list.get(i);
      list.set(i, list.get(other));
      list.set(other, moved);
    }
    return list;
  }
}
