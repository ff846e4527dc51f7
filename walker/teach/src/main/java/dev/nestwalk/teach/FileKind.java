package dev.nestwalk.teach;

import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;

/** What a file of no use is, as far as its first bytes tell. */
final class FileKind {
  private static final Map<String, String> MAGIC = new LinkedHashMap<>();

  static {
    MAGIC.put("\u007fELF", "an ELF file");
    MAGIC.put("\u001f\u008b", "a gzip file");
    MAGIC.put("(\u00b5/\u00fd", "a zstd file");
    MAGIC.put("\u00fd7zXZ", "an xz file");
    MAGIC.put("BZh", "a bzip2 file");
    MAGIC.put("PK\u0003\u0004", "a zip file");
    MAGIC.put("\u00d0\r\u00fe\u00ed", "a flattened device tree");
    MAGIC.put("KDUMP   ", "a kdump-compressed dump");
    MAGIC.put("makedumpfile", "a flattened kdump-compressed dump");
    MAGIC.put("EMiL", "a LiME dump");
    MAGIC.put("AVML", "an AVML dump");
    MAGIC.put("RSD PTR ", "the ACPI root pointer");
    MAGIC.put("%PDF", "a PDF file");
    MAGIC.put("\u0089PNG", "a PNG picture");
  }

  /** A few words: the kind of the file where it is known, else "binary data". */
  static String describe(byte[] bytes) {
    String head = new String(bytes, 0, Math.min(16, bytes.length), StandardCharsets.ISO_8859_1);
    for (Map.Entry<String, String> kind : MAGIC.entrySet()) {
      if (head.startsWith(kind.getKey())) {
        return kind.getValue();
      }
    }
    return "binary data";
  }

  private FileKind() {}
}
