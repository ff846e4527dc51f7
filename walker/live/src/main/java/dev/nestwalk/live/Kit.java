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
    Path folder = folder(System.getenv(), System.getProperty("user.home", ""));
    return Files.exists(folder.resolve(DONE)) ? new Kit(folder) : null;
  }

  /**
   * Where {@code walker/live/kit} puts it, by the same rule.
   *
   * @param home the user's home as the system has it, for who has no HOME
   */
  static Path folder(Map<String, String> environment, String home) {
    String named = environment.getOrDefault("NESTWALK_LIVE", "");
    if (!named.isEmpty()) {
      return Path.of(named);
    }
    String cache = environment.getOrDefault("XDG_CACHE_HOME", "");
    if (!cache.isEmpty()) {
      return Path.of(cache, "nestwalk-live");
    }
    String chosen = environment.getOrDefault("HOME", "");
    if (chosen.isEmpty()) {
      chosen = home.startsWith("/") ? home : "/"; // Java has "?" for a user without a home
    }
    return Path.of(chosen, ".cache", "nestwalk-live");
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
