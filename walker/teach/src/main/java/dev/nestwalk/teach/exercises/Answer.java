package dev.nestwalk.teach.exercises;

import java.util.Collections;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;

/** The answer that a reader has to find. */
public sealed interface Answer {
  /** The notation of a number. */
  enum Style {
    /** Hexadecimal, with or without {@code 0x}. */
    HEX,
    /** Decimal; hexadecimal with {@code 0x}. */
    COUNT,
    /** Bytes: decimal, with a unit as in {@code 4K}, or hexadecimal with {@code 0x}. */
    SIZE
  }

  /**
   * A number.
   *
   * @param value the number, unsigned
   * @param style its notation
   */
  record Value(long value, Style style) implements Answer {
    @Override
    public String shown() {
      return switch (style) {
        case HEX -> Text.hex(value);
        case COUNT -> Long.toUnsignedString(value);
        case SIZE -> Text.size(value);
      };
    }
  }

  /**
   * One of several options.
   *
   * @param options in the order in which they are shown
   * @param right index of the right one
   */
  record Choice(List<String> options, int right) implements Answer {
    /** Copies the options. */
    public Choice {
      options = List.copyOf(options);
    }

    @Override
    public String shown() {
      return options.get(right);
    }
  }

  /**
   * Any number of several options.
   *
   * @param options in the order in which they are shown
   * @param right indices of the right ones
   */
  record Several(List<String> options, SortedSet<Integer> right) implements Answer {
    /** Copies the collections. */
    public Several {
      options = List.copyOf(options);
      right = Collections.unmodifiableSortedSet(new TreeSet<>(right));
    }

    @Override
    public String shown() {
      return right.isEmpty()
          ? "none of them"
          : String.join(", ", right.stream().map(options::get).toList());
    }
  }

  /** The answer in words. */
  String shown();
}
