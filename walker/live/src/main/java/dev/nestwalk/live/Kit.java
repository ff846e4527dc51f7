package dev.nestwalk.live;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The files that {@code walker/live/kit} fetched: a QEMU with a vfio-user client, and a kernel and
 * a busybox for each machine.
 *
 * @param folder where they are
 */
public record Kit(Path folder) {
  private static final String DONE = "guests.done";

  /** The kit, or null if this machine has none. */
  public static @Nullable Kit find() {
    String named = System.getenv("NESTWALK_LIVE");
    String cache = System.getenv("XDG_CACHE_HOME");
    Path folder;
    if (named != null && !named.isEmpty()) {
      folder = Path.of(named);
    } else if (cache != null && !cache.isEmpty()) {
      folder = Path.of(cache, "nestwalk-live");
    } else {
      folder = Path.of(System.getProperty("user.home"), ".cache", "nestwalk-live");
    }
    return Files.exists(folder.resolve(DONE)) ? new Kit(folder) : null;
  }

  /** QEMU for a format's machine. */
  public Path qemu(LiveFormat format) {
    return folder.resolve(format == LiveFormat.VTD ? "qemu-system-x86_64" : "qemu-system-aarch64");
  }

  /** The kernel for a format's machine. */
  public Path kernel(LiveFormat format) {
    return folder.resolve("vmlinuz-" + architecture(format));
  }

  private static String architecture(LiveFormat format) {
    return format == LiveFormat.VTD ? "amd64" : "arm64";
  }

  /**
   * Writes an initial RAM disk of busybox and a script that shows the IOMMU, mounts the disk and
   * starts a shell.
   */
  public void writeInitrd(LiveFormat format, Path to) throws IOException {
    try (InputStream script = Kit.class.getResourceAsStream("init")) {
      if (script == null) {
        throw new IOException("the resource 'init' is missing from this build");
      }
      writeInitrd(format, Map.of("init", script.readAllBytes()), to);
    }
  }

  /** Writes an initial RAM disk of busybox and programs, by name. */
  void writeInitrd(LiveFormat format, Map<String, byte[]> programs, Path to) throws IOException {
    byte[] busybox = Files.readAllBytes(folder.resolve("busybox-" + architecture(format)));
    Initramfs files = new Initramfs().program("bin/busybox", busybox);
    programs.forEach(files::program);
    try (OutputStream out = Files.newOutputStream(to)) {
      files.write(out);
    }
  }
}
