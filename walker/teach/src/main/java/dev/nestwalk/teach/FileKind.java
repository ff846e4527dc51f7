package dev.nestwalk.teach;

import dev.nestwalk.memory.MemoryDump;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;

/** Recognises files that cannot be used, by their first bytes; core recognises dumps of memory. */
final class FileKind {
  private static final Map<String, String> MAGIC = new LinkedHashMap<>();

  static {
    MAGIC.put("\u00d0\r\u00fe\u00ed", "a flattened device tree");
    MAGIC.put("RSD PTR ", "the ACPI root pointer");
    MAGIC.put("%PDF", "a PDF file");
    MAGIC.put("\u0089PNG", "a PNG picture");
  }

  /** The kind of file in a few words, or "binary data" if it is not known. */
  static String describe(byte[] bytes) {
    String head = new String(bytes, 0, Math.min(16, bytes.length), StandardCharsets.ISO_8859_1);
    for (Map.Entry<String, String> kind : MAGIC.entrySet()) {
      if (head.startsWith(kind.getKey())) {
        return kind.getValue();
      }
    }
    return Objects.requireNonNullElse(MemoryDump.kindOf(bytes), "binary data");
  }

  private FileKind() {}
}
