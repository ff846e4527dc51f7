package dev.nestwalk.live;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The command line for a machine whose functions are served here.
 *
 * <p>Threads: one.
 */
final class QemuCommand {
  /** Device number of the unit's registers on bus 0; the functions behind it follow. */
  static final int FIRST_SLOT = 2;

  private final List<String> words = new ArrayList<>();

  private QemuCommand() {}

  /**
   * The words of a command line.
   *
   * @param program QEMU
   * @param table DMAR table (VT-d) or device tree (SMMUv3)
   * @param rom boot ROM, SMMUv3 only
   * @param sockets of the unit, then of each function behind it
   * @param kernel null for a guest that boots from a disk
   * @param append further words of the kernel's command line
   */
  static List<String> words(
      LiveFormat format,
      String program,
      Path ram,
      long size,
      Path table,
      @Nullable Path rom,
      List<Path> sockets,
      @Nullable Path kernel,
      @Nullable Path initrd,
      String append) {
    QemuCommand command = new QemuCommand();
    command.add(program);
    long mebibytes = size >>> 20;
    String memory =
        "memory-backend-file,id=ram,size=%dM,mem-path=%s,share=on"
            .formatted(mebibytes, option(ram));
    command.add("-object", memory, "-m", mebibytes + "M");
    if (format == LiveFormat.VTD) {
      command.add("-machine", "q35,sata=off,usb=off,memory-backend=ram");
      command.add("-acpitable", "file=" + option(table));
    } else {
      command.add("-machine", "virt,gic-version=2,memory-backend=ram", "-cpu", "cortex-a57");
      command.add("-dtb", table.toString(), "-bios", String.valueOf(rom));
    }
    command.add("-nodefaults", "-display", "none", "-serial", "stdio", "-no-reboot");
    for (int i = 0; i < sockets.size(); i++) {
      command.add(
          "-device",
          ("{\"driver\":\"vfio-user-pci\",\"addr\":\"%x.0\","
                  + "\"socket\":{\"type\":\"unix\",\"path\":\"%s\"},\"x-msg-timeout\":60000}")
              .formatted(FIRST_SLOT + i, json(sockets.get(i))));
    }
    if (kernel != null) {
      command.add("-kernel", kernel.toString());
      if (initrd != null) {
        command.add("-initrd", initrd.toString());
      }
      command.add("-append", append);
    }
    return command.words;
  }

  private void add(String... more) {
    words.addAll(List.of(more));
  }

  /** A path within an option's list, which commas separate. */
  private static String option(Path path) {
    return path.toString().replace(",", ",,");
  }

  /** A path within a JSON string (RFC 8259, 7). */
  private static String json(Path path) {
    StringBuilder text = new StringBuilder();
    for (char c : path.toString().toCharArray()) {
      if (c < ' ') {
        text.append("\\u%04x".formatted((int) c));
      } else {
        text.append(c == '"' || c == '\\' ? "\\" : "").append(c);
      }
    }
    return text.toString();
  }

  /**
   * The command line for a POSIX shell, with each option on its own line. A comma is plain there
   * (Shell Command Language, 2.2); an equals sign is in all words but the first, which would be an
   * assignment.
   */
  static String shell(List<String> words) {
    StringBuilder line = new StringBuilder();
    for (String word : words) {
      boolean plain = word.matches(line.isEmpty() ? "[A-Za-z0-9_./+-]+" : "[A-Za-z0-9_./,=:+@%-]+");
      String quoted = plain ? word : "'" + word.replace("'", "'\\''") + "'";
      if (line.length() > 0) {
        line.append(word.startsWith("-") ? " \\\n  " : " ");
      }
      line.append(quoted);
    }
    return line.toString();
  }
}
