package dev.nestwalk.live;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.GZIPOutputStream;

/**
 * An initial RAM file system: a cpio archive of the "newc" kind
 * (Documentation/driver-api/early-userspace/buffer-format.rst).
 *
 * <p>Threads: one.
 */
final class Initramfs {
  private static final int DIRECTORY = 0040755;
  private static final int PROGRAM = 0100755;
  private static final int CHARACTER_DEVICE = 0020600;

  private static final class Entry {
    final int mode;
    final byte[] content;
    final int major;
    final int minor;

    Entry(int mode, byte[] content, int major, int minor) {
      this.mode = mode;
      this.content = content;
      this.major = major;
      this.minor = minor;
    }
  }

  private final Map<String, Entry> entries = new LinkedHashMap<>();

  /** Adds directories, and the console that the kernel opens before anything runs. */
  Initramfs() {
    for (String name : new String[] {"bin", "dev", "proc", "sys", "mnt"}) {
      entries.put(name, new Entry(DIRECTORY, new byte[0], 0, 0));
    }
    entries.put("dev/console", new Entry(CHARACTER_DEVICE, new byte[0], 5, 1));
  }

  /** Adds a program or script. */
  Initramfs program(String name, byte[] content) {
    entries.put(name, new Entry(PROGRAM, content, 0, 0));
    return this;
  }

  /** Writes the archive, compressed. */
  void write(OutputStream to) throws IOException {
    try (GZIPOutputStream out = new GZIPOutputStream(to)) {
      int inode = 1;
      for (Map.Entry<String, Entry> entry : entries.entrySet()) {
        write(out, entry.getKey(), entry.getValue(), inode++);
      }
      write(out, "TRAILER!!!", new Entry(0, new byte[0], 0, 0), 0);
    }
  }

  private static void write(OutputStream out, String name, Entry entry, int inode)
      throws IOException {
    int links = entry.mode == DIRECTORY ? 2 : 1;
    int[] fields = {
      inode,
      entry.mode,
      0,
      0,
      links,
      0,
      entry.content.length,
      0,
      0,
      entry.major,
      entry.minor,
      name.length() + 1,
      0
    };
    StringBuilder header = new StringBuilder("070701");
    for (int field : fields) {
      header.append("%08x".formatted(field));
    }
    header.append(name).append('\0');
    out.write(header.toString().getBytes(StandardCharsets.US_ASCII));
    out.write(new byte[-header.length() & 3]);
    out.write(entry.content);
    out.write(new byte[-entry.content.length & 3]);
  }
}
