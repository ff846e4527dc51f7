package dev.nestwalk.bench.cost.workload;

import dev.nestwalk.bench.cost.Axis;
import dev.nestwalk.bench.cost.Workload;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.ServiceLoader;
import java.util.function.Function;

/** The workloads by name: those of this package, and those that a user's class path offers. */
public final class Workloads {
  private record Built(String name, String help, Function<String, Workload> maker)
      implements Workload.Provider {
    @Override
    public Workload make(String parameters) {
      return maker.apply(parameters);
    }
  }

  private static final List<Workload.Provider> OWN =
      List.of(
          new Built(
              "scan",
              "scan[:SIZE[:PIECE]]: one buffer of each tenant from end to end, 64m and 4k",
              text -> scan(text, false)),
          new Built(
              "random",
              "random[:SIZE[:PIECE]]: pieces of one buffer of each tenant at random",
              text -> scan(text, true)),
          new Built(
              "nic",
              "nic[:SIZE|imix[:RING]]: a card that receives packets of 64 to 9000 bytes, 1500 and"
                  + " 256",
              Workloads::nic),
          new Built(
              "nvme",
              "nvme[:SIZE[:DEPTH]]: commands with 4k to 1m of data, 4k and 32",
              Workloads::nvme),
          new Built(
              "gpu",
              "gpu[:SIZE[:CHUNK]]: scatter-gather transfers, 2m in chunks of 64k",
              Workloads::gpu));

  /** All of them. */
  public static List<Workload.Provider> all() {
    List<Workload.Provider> all = new ArrayList<>(OWN);
    ServiceLoader.load(Workload.Provider.class).forEach(all::add);
    return all;
  }

  /**
   * The workload of a text: a name, and after a colon its parameters.
   *
   * @throws IllegalArgumentException in one line if there is none
   */
  public static Workload of(String text) {
    int colon = text.indexOf(':');
    String name = colon < 0 ? text : text.substring(0, colon);
    String parameters = colon < 0 ? "" : text.substring(colon + 1);
    List<String> names = new ArrayList<>();
    for (Workload.Provider provider : all()) {
      if (provider.name().equals(name)) {
        try {
          return provider.make(parameters);
        } catch (IllegalArgumentException e) {
          throw new IllegalArgumentException("workload %s: %s".formatted(text, e.getMessage()), e);
        }
      }
      names.add(provider.name());
    }
    throw new IllegalArgumentException(
        "workload '%s': expected one of %s".formatted(name, String.join(", ", names)));
  }

  private static Workload nic(String text) {
    String[] parts = parts(text);
    int ring = parts.length < 2 ? 256 : Axis.number(parts[1], 2, 1 << 16);
    if (parts[0].equals("imix")) {
      return new Nic(Nic::imix, 1500, ring);
    }
    int bytes = parts[0].isEmpty() ? 1500 : Axis.number(parts[0], 64, 9000);
    return new Nic(random -> bytes, bytes, ring);
  }

  private static Workload nvme(String text) {
    String[] parts = parts(text);
    long size = parts[0].isEmpty() ? 4096 : size(parts[0]);
    if (size < 512 || size > 1 << 20) {
      throw new IllegalArgumentException(
          "commands of %d bytes: expected 512 to 1m".formatted(size));
    }
    return new Nvme((int) size, parts.length < 2 ? 32 : Axis.number(parts[1], 1, 1 << 12));
  }

  private static Workload gpu(String text) {
    String[] parts = parts(text);
    long size = parts[0].isEmpty() ? 2 << 20 : size(parts[0]);
    long chunk = parts.length < 2 ? 64 << 10 : size(parts[1]);
    if (size > 1 << 28 || chunk > size || chunk < 4096) {
      throw new IllegalArgumentException(
          "transfers of %d bytes in chunks of %d: expected up to 256m, chunks from 4k on"
              .formatted(size, chunk));
    }
    return new Gpu((int) size, (int) chunk);
  }

  private static String[] parts(String text) {
    String[] parts = text.split(":", -1);
    if (parts.length > 2) {
      throw new IllegalArgumentException("'%s': expected two parameters at most".formatted(text));
    }
    return parts;
  }

  private static Workload scan(String text, boolean random) {
    String[] parts = parts(text);
    long size = parts[0].isEmpty() ? 64L << 20 : size(parts[0]);
    long piece = parts.length < 2 ? 4096 : size(parts[1]);
    if (piece > size || piece > 1 << 30) {
      throw new IllegalArgumentException("a piece of %d bytes of %d".formatted(piece, size));
    }
    return new Scan(size, (int) piece, random);
  }

  /**
   * Bytes: a number with k, m or g.
   *
   * @throws IllegalArgumentException if the text is none, or of more than 64 GiB
   */
  static long size(String text) {
    String lower = text.toLowerCase(Locale.ROOT);
    if (lower.matches("[1-9]\\d{0,9}[kmg]?")) {
      char last = lower.charAt(lower.length() - 1);
      int shift = last == 'k' ? 10 : last == 'm' ? 20 : last == 'g' ? 30 : 0;
      String digits = shift == 0 ? lower : lower.substring(0, lower.length() - 1);
      long bytes = Long.parseLong(digits) << shift;
      if (bytes > 0 && bytes <= 64L << 30) {
        return bytes;
      }
    }
    throw new IllegalArgumentException("'%s': expected a size such as 64m".formatted(text));
  }

  private Workloads() {}
}
