package dev.nestwalk.device;

import java.util.List;
import java.util.Random;

/**
 * Random traffic on the registers and queues of a VT-d unit, with the model beside it. The long
 * run:
 *
 * <pre>
 *   dev.nestwalk.device.VtdTraffic 5000000 1
 * </pre>
 *
 * <p>takes operations and first seed, and stops at the first difference with its seed and step.
 */
final class VtdTraffic implements AutoCloseable {
  private static final int PAGE_ENTRIES = 128;
  private static final int REQUESTERS = 12;

  private final VtdRig rig;
  private final VtdModel model;
  private final Random random;
  private final int records;
  private final int migrateEvery;
  private int steps;
  private int expectedFaults;
  private int expectedCompletions;
  private int expectedPages;

  /**
   * A unit and its model.
   *
   * @param migrateEvery after so many steps another unit takes the state; 0 for never
   */
  VtdTraffic(long seed, int migrateEvery) {
    this.migrateEvery = migrateEvery;
    random = new Random(seed);
    records = 1 << random.nextInt(5);
    rig = new VtdRig(VtdRig.CAP | (long) (records - 1) << 40, VtdRig.SCALABLE);
    model = new VtdModel(records, PAGE_ENTRIES);
    rig.unmask().translate().queue(0, random.nextBoolean());
    rig.w64(0xd0, VtdRig.PAGES);
    model.fault.mask(false);
    model.completion.mask(false);
    model.page.mask(false);
  }

  /** One operation; what differs afterwards, or an empty text. */
  String step() {
    String what = operate();
    if (migrateEvery > 0 && ++steps % migrateEvery == 0) {
      rig.migrate();
    }
    expectedFaults = model.fault.sent - expectedFaults;
    expectedCompletions = model.completion.sent - expectedCompletions;
    expectedPages = model.page.sent - expectedPages;
    List<String> sent = rig.sent();
    String difference =
        differ("FSTS", model.faultStatus(), rig.r32(0x34))
            + differ("FECTL", model.fault.control(), rig.r32(0x38))
            + differ("ICS", model.completed ? 1 : 0, rig.r32(0x9c))
            + differ("IECTL", model.completion.control(), rig.r32(0xa0))
            + differ("PRS", model.pageStatus(), rig.r32(0xdc))
            + differ("PECTL", model.page.control(), rig.r32(0xe0))
            + differ("fault messages", expectedFaults, count(sent, "fee00000 21"))
            + differ("completion messages", expectedCompletions, count(sent, "fee00000 22"))
            + differ("page messages", expectedPages, count(sent, "fee00000 23"))
            + differ("IQH", rig.tail(), model.queueError ? rig.tail() : rig.head());
    for (int i = 0; i < records; i++) {
      long high = rig.r64(0x228 + 16L * i);
      difference +=
          differ("FRCD" + i, model.records[i], high < 0 ? (int) (high & 0xffff) - 0x1000 : -1);
    }
    expectedFaults = model.fault.sent;
    expectedCompletions = model.completion.sent;
    expectedPages = model.page.sent;
    return difference.isEmpty() ? "" : what + ":" + difference;
  }

  private static long count(List<String> sent, String message) {
    return sent.stream().filter(message::equals).count();
  }

  private static String differ(String what, long expected, long got) {
    return expected == got ? "" : " %s expected %x, got %x;".formatted(what, expected, got);
  }

  private String operate() {
    return switch (random.nextInt(14)) {
      case 0, 1, 2 -> {
        int source = random.nextInt(REQUESTERS);
        rig.fault(0x1000 + source);
        model.fault(source);
        yield "fault of " + source;
      }
      case 3, 4 -> {
        int index = random.nextInt(records);
        rig.w32(0x22c + 16L * index, 0x8000_0000L | random.nextInt(1 << 16));
        model.clearRecord(index);
        yield "record " + index + " cleared";
      }
      case 5 -> {
        // Bit 4 is cleared together with the descriptor that it is about.
        int bits = random.nextInt(16) | 0x80;
        rig.w32(0x34, bits);
        model.clearStatus((bits & 1) != 0, false);
        yield "FSTS written %x".formatted(bits);
      }
      case 6 -> mask(0x38, model.fault);
      case 7 -> mask(0xa0, model.completion);
      case 8 -> mask(0xe0, model.page);
      case 9 -> {
        if (model.queueError) {
          yield "doorbell of a stopped queue" + ring();
        }
        rig.put(0x15).ring();
        model.waitWithInterrupt();
        yield "wait with interrupt";
      }
      case 10 -> {
        int bit = random.nextInt(2);
        rig.w32(0x9c, bit);
        if (bit == 1) {
          model.clearCompletion();
        }
        yield "ICS written " + bit;
      }
      case 11 -> {
        int requests = random.nextInt(8) == 0 ? PAGE_ENTRIES : 1;
        for (int i = 0; i < requests; i++) {
          rig.port(VtdRig.SOURCE).requestPage(0x1000L * i, 1, 1, true);
          model.pageRequest();
        }
        rig.responses.clear();
        yield requests + " page requests";
      }
      case 12 -> {
        rig.w64(0xc0, rig.r64(0xc8));
        model.takePages();
        int bits = random.nextInt(4);
        rig.w32(0xdc, bits);
        model.clearPages((bits & 1) != 0, (bits & 2) != 0);
        yield "PRS written " + bits;
      }
      default -> queueError();
    };
  }

  private String ring() {
    rig.ring();
    return "";
  }

  private String mask(long control, VtdModel.Source source) {
    boolean on = random.nextBoolean();
    rig.w32(control, on ? 0xffff_ffffL : 0x7fff_ffffL);
    source.mask(on);
    return "control 0x%x %s".formatted(control, on ? "masked" : "unmasked");
  }

  /** A bad descriptor, or the way out of one. */
  private String queueError() {
    if (model.queueError) {
      long at = VtdRig.QUEUE + rig.head();
      for (int i = 0; i < rig.entryBytes() / 8; i++) {
        rig.poke64(at + 8L * i, i == 0 ? 0x45 : 0);
      }
      rig.w32(0x34, 1 << 4);
      model.clearStatus(false, true);
      return "descriptor replaced, IQE cleared";
    }
    rig.put(0xd).ring();
    model.queueError();
    return "bad descriptor";
  }

  @Override
  public void close() {
    rig.close();
  }

  /** Runs operations; an empty text, or the first difference with its seed. */
  static String run(long operations, long firstSeed, int migrateEvery) {
    long done = 0;
    for (long seed = firstSeed; done < operations; seed++) {
      try (VtdTraffic traffic = new VtdTraffic(seed, migrateEvery)) {
        for (int i = 0; i < 5000 && done < operations; i++, done++) {
          String difference = traffic.step();
          if (!difference.isEmpty()) {
            return "seed %d, step %d, %s".formatted(seed, i, difference);
          }
        }
      }
    }
    return "";
  }

  public static void main(String[] args) {
    long operations = Long.parseLong(args[0]);
    long begin = System.nanoTime();
    String difference = run(operations, Long.parseLong(args[1]), 0);
    System.out.printf(
        "%,d operations in %d s: %s%n",
        operations,
        (System.nanoTime() - begin) / 1_000_000_000,
        difference.isEmpty() ? "no difference" : difference);
    System.exit(difference.isEmpty() ? 0 : 1);
  }
}
