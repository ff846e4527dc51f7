package dev.nestwalk.memory;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.GZIPOutputStream;

/** Core files written by hand, byte by byte, so that each of them can be spoiled on its own. */
final class ElfBytes {
  private record Load(long address, long offset, long fileSize, long memorySize) {}

  private final List<Load> loads = new ArrayList<>();
  private final ByteArrayOutputStream data = new ByteArrayOutputStream();
  private static final int DATA_AT = 0x1000;

  /** A PT_LOAD of {@code bytes}, followed by zeros up to {@code memorySize}. */
  ElfBytes load(long address, byte[] bytes, long memorySize) {
    loads.add(new Load(address, DATA_AT + data.size(), bytes.length, memorySize));
    data.writeBytes(bytes);
    return this;
  }

  ElfBytes load(long address, byte[] bytes) {
    return load(address, bytes, bytes.length);
  }

  /** A program header as given, whatever it says. */
  ElfBytes header(long address, long offset, long fileSize, long memorySize) {
    loads.add(new Load(address, offset, fileSize, memorySize));
    return this;
  }

  ByteBuffer buffer() {
    ByteBuffer out = ByteBuffer.allocate(DATA_AT + data.size()).order(ByteOrder.LITTLE_ENDIAN);
    out.put(0, new byte[] {0x7f, 'E', 'L', 'F', 2, 1, 1});
    out.putShort(16, (short) 4).putShort(18, (short) 62).putInt(20, 1);
    out.putLong(32, 64);
    out.putShort(52, (short) 64).putShort(54, (short) 56).putShort(56, (short) loads.size());
    int at = 64;
    for (Load load : loads) {
      out.putInt(at, 1);
      out.putLong(at + 8, load.offset).putLong(at + 24, load.address);
      out.putLong(at + 32, load.fileSize).putLong(at + 40, load.memorySize);
      at += 56;
    }
    out.put(DATA_AT, data.toByteArray());
    return out;
  }

  byte[] bytes() {
    return copy(buffer());
  }

  static byte[] copy(ByteBuffer buffer) {
    byte[] bytes = new byte[buffer.capacity()];
    buffer.get(0, bytes);
    return bytes;
  }

  static byte[] gzip(byte[] bytes) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (GZIPOutputStream gzip = new GZIPOutputStream(out)) {
      gzip.write(bytes);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return out.toByteArray();
  }

  /** {@code words} little-endian words that tell their index and {@code tag}. */
  static byte[] words(int words, long tag) {
    ByteBuffer out = ByteBuffer.allocate(words * 8).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < words; i++) {
      out.putLong(tag << 32 | i);
    }
    return copy(out);
  }
}
