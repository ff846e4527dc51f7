package dev.nestwalk.live;

import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Writes a flattened device tree (Devicetree Specification 0.4, 5.1 to 5.6), version 17.
 *
 * <p>Threads: one.
 */
final class FlatTree {
  private static final int MAGIC = 0xd00dfeed;
  private static final int HEADER = 40;
  private static final int NO_RESERVATIONS = 16;
  private static final int BEGIN_NODE = 1;
  private static final int END_NODE = 2;
  private static final int PROPERTY = 3;
  private static final int END = 9;

  private final ByteArrayOutputStream structure = new ByteArrayOutputStream();
  private final DataOutputStream out = new DataOutputStream(structure);
  private final ByteArrayOutputStream names = new ByteArrayOutputStream();
  private final Map<String, Integer> places = new LinkedHashMap<>();

  /** Adds a node with the content that {@code content} writes. */
  FlatTree node(String name, Runnable content) {
    word(BEGIN_NODE);
    bytes((name + "\0").getBytes(StandardCharsets.US_ASCII));
    content.run();
    word(END_NODE);
    return this;
  }

  /** Adds a property of 32-bit cells; without cells it has no value. */
  FlatTree cells(String name, long... cells) {
    property(name, 4 * cells.length);
    for (long cell : cells) {
      word((int) cell);
    }
    return this;
  }

  /** Adds a property of strings. */
  FlatTree text(String name, String... values) {
    byte[] value = (String.join("\0", values) + "\0").getBytes(StandardCharsets.US_ASCII);
    property(name, value.length);
    bytes(value);
    return this;
  }

  private void property(String name, int length) {
    int place =
        places.computeIfAbsent(
            name,
            n -> {
              int at = names.size();
              names.writeBytes((n + "\0").getBytes(StandardCharsets.US_ASCII));
              return at;
            });
    word(PROPERTY);
    word(length);
    word(place);
  }

  private void word(int value) {
    try {
      out.writeInt(value);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void bytes(byte[] value) {
    structure.writeBytes(value);
    structure.writeBytes(new byte[-value.length & 3]);
  }

  /** The complete tree. */
  byte[] toBytes() {
    word(END);
    int at = HEADER + NO_RESERVATIONS;
    int total = at + structure.size() + names.size();
    ByteArrayOutputStream file = new ByteArrayOutputStream(total);
    DataOutputStream header = new DataOutputStream(file);
    int[] words = {
      MAGIC, total, at, at + structure.size(), HEADER, 17, 16, 0, names.size(), structure.size()
    };
    try {
      for (int word : words) {
        header.writeInt(word);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    file.writeBytes(new byte[NO_RESERVATIONS]);
    file.writeBytes(structure.toByteArray());
    file.writeBytes(names.toByteArray());
    return file.toByteArray();
  }
}
