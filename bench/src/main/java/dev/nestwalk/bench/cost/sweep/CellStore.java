package dev.nestwalk.bench.cost.sweep;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import dev.nestwalk.bench.cost.Cell;
import dev.nestwalk.bench.cost.report.CostException;
import dev.nestwalk.fixtures.IoReason;
import dev.nestwalk.fixtures.WholeFile;
import java.io.BufferedInputStream;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.Reader;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * A folder with the finished cells of a sweep: {@code plan.json}, and for each shard a file {@code
 * cells-I-of-N.jsonl}, to which each cell is appended when it is done. An incomplete last line of a
 * killed run is removed.
 */
public final class CellStore implements Closeable {
  private static final String PLAN = "plan.json";
  private static final int LONGEST_LINE = 1 << 26;

  private final FileChannel channel;
  private final List<Finished> before;

  private CellStore(FileChannel channel, List<Finished> before) {
    this.channel = channel;
    this.before = before;
  }

  /**
   * Opens the folder for a shard; makes it, and writes the plan, where there is none.
   *
   * @throws CostException in one line if it holds another sweep, another run writes the shard, or
   *     it cannot be written
   */
  public static CellStore open(Path folder, SweepPlan plan, Shard shard) {
    try {
      Files.createDirectories(folder);
      Path planFile = folder.resolve(PLAN);
      if (Files.exists(planFile)) {
        if (!plan(folder).digest().equals(plan.digest())) {
          throw new CostException(
              folder + ": holds another sweep, expected its axes or another folder (--out)");
        }
      } else {
        WholeFile.write(planFile, plan.json(), List.of());
      }
      Path file = folder.resolve("cells-%d-of-%d.jsonl".formatted(shard.number(), shard.of()));
      FileChannel channel =
          FileChannel.open(
              file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
      try {
        lock(channel, file);
        channel.truncate(whole(channel));
        List<Finished> before = new ArrayList<>();
        read(file, before::add);
        channel.position(channel.size());
        return new CellStore(channel, before);
      } catch (IOException | RuntimeException e) {
        channel.close();
        throw e;
      }
    } catch (IOException e) {
      throw new CostException(folder + ": cannot be used: " + IoReason.of(e));
    }
  }

  private static void lock(FileChannel channel, Path file) throws IOException {
    boolean locked;
    try {
      locked = channel.tryLock() != null;
    } catch (OverlappingFileLockException e) {
      locked = false;
    }
    if (!locked) {
      throw new CostException(file + ": another run writes this shard");
    }
  }

  /** Bytes up to the end of the last line that is complete. */
  private static long whole(FileChannel channel) throws IOException {
    ByteBuffer piece = ByteBuffer.allocate(1 << 16);
    for (long end = channel.size(); end > 0; ) {
      long from = Math.max(0, end - piece.capacity());
      piece.clear().limit((int) (end - from));
      channel.position(from);
      while (piece.hasRemaining() && channel.read(piece) >= 0) {
        // Until it is full.
      }
      for (int i = piece.position() - 1; i >= 0; i--) {
        if (piece.get(i) == '\n') {
          return from + i + 1;
        }
      }
      end = from;
    }
    return 0;
  }

  /** What the shard had finished before. */
  public List<Finished> before() {
    return List.copyOf(before);
  }

  /** Adds a cell; it is on the disk when this returns. */
  public synchronized void add(Finished finished) {
    try {
      ByteBuffer line = ByteBuffer.wrap((finished.line() + "\n").getBytes(StandardCharsets.UTF_8));
      while (line.hasRemaining()) {
        channel.write(line);
      }
      channel.force(false);
    } catch (IOException e) {
      throw new CostException("results cannot be written: " + IoReason.of(e));
    }
  }

  @Override
  public void close() {
    try {
      channel.close();
    } catch (IOException e) {
      throw new CostException("results cannot be written: " + IoReason.of(e));
    }
  }

  /**
   * The plan of a folder.
   *
   * @throws CostException in one line if there is none that can be read
   */
  public static SweepPlan plan(Path folder) {
    Path file = folder.resolve(PLAN);
    try (Reader text = Files.newBufferedReader(file)) {
      JsonElement element = JsonParser.parseReader(text);
      if (element instanceof JsonObject json && json.get("cells") instanceof JsonArray list) {
        List<Cell> cells = new ArrayList<>();
        for (JsonElement cell : list) {
          cells.add(Cell.parse(cell.getAsString()));
        }
        return new SweepPlan(cells);
      }
      throw new CostException(file + ": expected an object with a list 'cells'");
    } catch (IOException e) {
      throw new CostException(file + ": cannot be read: " + IoReason.of(e));
    } catch (JsonParseException | StackOverflowError | UnsupportedOperationException e) {
      throw new CostException(file + ": expected the plan of a sweep");
    } catch (IllegalArgumentException | IllegalStateException e) {
      throw new CostException(file + ": " + e.getMessage());
    }
  }

  /**
   * What all shards of a folder have finished.
   *
   * @throws CostException in one line if a file cannot be read
   */
  public static void readAll(Path folder, Consumer<Finished> sink) {
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file :
          files
              .filter(f -> f.getFileName().toString().matches("cells-\\d+-of-\\d+\\.jsonl"))
              .sorted()
              .toList()) {
        read(file, sink);
      }
    } catch (IOException e) {
      throw new CostException(folder + ": cannot be read: " + IoReason.of(e));
    }
  }

  /** Complete lines; a last one without an end is of a run that was killed, or still goes on. */
  private static void read(Path file, Consumer<Finished> sink) throws IOException {
    try (InputStream in = new BufferedInputStream(Files.newInputStream(file), 1 << 16)) {
      java.io.ByteArrayOutputStream line = new java.io.ByteArrayOutputStream();
      long number = 1;
      for (int b = in.read(); b >= 0; b = in.read()) {
        if (b != '\n') {
          if (line.size() == LONGEST_LINE) {
            throw new CostException(
                "%s:%d: expected lines of up to 64 MiB".formatted(file, number));
          }
          line.write(b);
          continue;
        }
        sink.accept(finished(file, number, line.toString(StandardCharsets.UTF_8)));
        line.reset();
        number++;
      }
    }
  }

  static Finished finished(Path file, long number, String line) {
    try {
      return Finished.parse(line);
    } catch (IllegalArgumentException e) {
      throw new CostException("%s:%d: %s".formatted(file, number, e.getMessage()));
    }
  }
}
