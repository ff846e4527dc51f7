package dev.nestwalk.bench.cost.workload;

import dev.nestwalk.bench.cost.Axis;
import dev.nestwalk.bench.cost.Cell;
import dev.nestwalk.bench.cost.DmaOp;
import dev.nestwalk.bench.cost.Workload;
import java.util.Random;
import java.util.function.Consumer;
import java.util.function.ToIntFunction;

/**
 * A network card that receives: of each packet it reads a descriptor, writes the data, writes a
 * completion. The driver gives each buffer back and posts another in its place.
 */
final class Nic implements Workload {
  private static final int DESCRIPTOR = 16;
  private static final int COMPLETION = 64;

  /** A packet's preamble, check sum and gap on the wire. */
  private static final int FRAMING = 24;

  private static final int GIGABITS = 200;
  private static final int PAGE = 4096;

  private final ToIntFunction<Random> sizes;
  private final int buffer;
  private final int ring;

  /**
   * A card.
   *
   * @param sizes bytes of the next packet
   * @param largest bytes of the largest packet
   * @param ring packets that it has room for
   */
  Nic(ToIntFunction<Random> sizes, int largest, int ring) {
    this.sizes = sizes;
    this.ring = ring;
    buffer = (largest + PAGE - 1) / PAGE * PAGE;
  }

  /** The simple IMIX: of twelve packets seven of 64 bytes, four of 576, one of 1500. */
  static int imix(Random random) {
    int of12 = random.nextInt(12);
    return of12 < 7 ? 64 : of12 < 11 ? 576 : 1500;
  }

  /** Rings and buffers of one process. */
  private static final class User {
    final long descriptors;
    final long completions;
    final Ring packets;

    User(Driver driver, int ring, int buffer) {
      descriptors = driver.keep((long) ring * DESCRIPTOR);
      completions = driver.keep((long) ring * COMPLETION);
      packets = new Ring(ring);
      packets.fill(() -> driver.map(buffer));
    }
  }

  @Override
  public void play(Cell cell, Consumer<DmaOp> sink) {
    Driver driver = new Driver(cell, sink);
    User[] users = new User[driver.tenants() * driver.processes()];
    int ahead = Math.min(cell.number(Axis.PREFETCH), ring - 1);
    for (int i = 0; i < driver.requests(); i++) {
      int turn = driver.nextTurn();
      if (users[turn] == null) {
        users[turn] = new User(driver, ring, buffer);
      }
      User user = users[turn];
      int bytes = sizes.applyAsInt(driver.random());
      receive(driver, user, bytes, ahead);
      driver.done(bytes);
      driver.pass(Math.max(1, (bytes + FRAMING) * 8 / GIGABITS));
    }
  }

  private void receive(Driver driver, User user, int bytes, int ahead) {
    int slot = user.packets.slot();
    driver.read(user.descriptors + (long) slot * DESCRIPTOR, DESCRIPTOR);
    if (ahead > 0) {
      driver.prefetch(user.packets.buffer(ahead), bytes);
    }
    driver.write(user.packets.buffer(0), bytes);
    driver.write(user.completions + (long) slot * COMPLETION, COMPLETION);
    user.packets.replace(old -> driver.unmap(old, buffer), () -> driver.map(buffer));
  }
}
