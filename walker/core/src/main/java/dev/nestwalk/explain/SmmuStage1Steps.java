package dev.nestwalk.explain;

import dev.nestwalk.format.Field;
import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.smmu.ContextDescriptor;
import dev.nestwalk.smmu.EventCode;
import dev.nestwalk.smmu.Idr3;
import dev.nestwalk.smmu.MemoryAttributes;
import dev.nestwalk.smmu.Stage1Descriptor;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Stage 1, descriptor by descriptor, alone or over stage 2 (DDI 0487, D8; IHI 0070, 3.4). */
final class SmmuStage1Steps {
  private record Descriptor(int level, long at, long host, int run, long word) {}

  /** A leaf that denies nothing to an unprivileged request. */
  private static final long UNLIMITED = Stage1Descriptor.AP1.mask();

  private final SmmuUnit unit;
  private final GuestMemory memory;
  private final Recorder recorder;
  private final SmmuContext context;
  private final long[] cd;
  private final @Nullable SmmuStage2Steps second;

  SmmuStage1Steps(
      SmmuUnit unit,
      GuestMemory memory,
      Recorder recorder,
      SmmuContext context,
      long[] cd,
      @Nullable SmmuStage2Steps second) {
    this.unit = unit;
    this.memory = memory;
    this.recorder = recorder;
    this.context = context;
    this.cd = cd;
    this.second = second;
  }

  private boolean is(Field field) {
    return SmmuStream.get(field, cd) == 1;
  }

  /**
   * Walks. For a translation request {@code ats} has the rights asked for, and {@code want} is
   * empty.
   */
  VtdAnswer walk(long address, SmmuStage2Steps.Want want, @Nullable SmmuAts ats) {
    boolean two = context.hasTwoPrivileges();
    boolean upper = two && (address >>> 55 & 1) == 1;
    SmmuTables tables = range(address, upper, want.privileged());
    boolean flat =
        unit.idr3(Idr3.HAD) == 1 && is(upper ? ContextDescriptor.HAD1 : ContextDescriptor.HAD0);
    long table = tables.startTable();
    long above = 0;
    for (int level = tables.start(); ; level++) {
      Descriptor descriptor = fetch(tables, table + tables.index(address, level) * 8, level);
      long word = descriptor.word;
      boolean next = level < 3 && (word & 3) == 3;
      boolean leaf = level == 3 ? (word & 3) == 3 : (word & 3) == 1 && tables.allowsBlock(level);
      long output = tables.output(word, next ? tables.granule() : tables.offsetBits(level));
      int code = 0;
      if (!next && !leaf) {
        code = EventCode.F_TRANSLATION;
      } else if (VtdUnit.exceeds(output, tables.outputLimit())) {
        code = EventCode.F_ADDR_SIZE;
      } else if (leaf && isUnaccessed(word)) {
        code = EventCode.F_ACCESS;
      }
      recorder.read(
          reading(tables, descriptor, address, upper),
          level == 3 ? Stage1Descriptor.AT_LEVEL_3 : Stage1Descriptor.STRUCTURE,
          new long[] {word},
          code != 0 ? SmmuStage2Steps.name(code) : SmmuStage2Steps.kind(level, leaf));
      if (code != 0) {
        throw SmmuRefusal.first(code, level, false);
      }
      if (leaf) {
        long page = output + (address & (1L << tables.offsetBits(level)) - 1);
        long hierarchy = flat ? 0 : above;
        recorder.granting(describe(granted(word, hierarchy, want)));
        recorder.leadingTo(
            second == null ? "output" : "intermediate address of the byte", space(), page);
        return ats == null
            ? finish(tables, descriptor, hierarchy, page, want)
            : complete(tables, descriptor, hierarchy, page, ats);
      }
      above |= word;
      recorder.granting(describe(rights(UNLIMITED, flat ? 0 : above, true, want.privileged())));
      recorder.leadingTo("stage 1 table of level " + (level + 1), space(), output);
      table = output;
    }
  }

  private String space() {
    return second == null ? "PA" : "IPA";
  }

  private Recorder.Reading reading(
      SmmuTables tables, Descriptor descriptor, long address, boolean upper) {
    int level = descriptor.level;
    String start = "the CD's %s is the start table".formatted(upper ? "TTB1" : "TTB0");
    return new Recorder.Reading(
            "stage 1, index %d".formatted(tables.index(address, level)),
            1,
            level,
            space(),
            descriptor.at,
            descriptor.host)
        .because(level == tables.start() ? start : "the descriptor above points to this table")
        .selectedBy("VA", address, tables.highestBit(level), tables.offsetBits(level));
  }

  private boolean isUnaccessed(long word) {
    return !Stage1Descriptor.AF.in(word)
        && !is(ContextDescriptor.HA)
        && !is(ContextDescriptor.AFFD);
  }

  /** The range that the address belongs to (3.3). */
  private SmmuTables range(long address, boolean upper, boolean privileged) {
    boolean off = context.isOff(cd, upper);
    SmmuTables tables = context.tables(cd, upper);
    boolean e0pd =
        unit.idr3(Idr3.E0PD) == 1
            && context.hasTwoPrivileges()
            && is(upper ? ContextDescriptor.E0PD1 : ContextDescriptor.E0PD0)
            && !privileged;
    boolean outside = true;
    int top = is(upper ? ContextDescriptor.TBI1 : ContextDescriptor.TBI0) ? 55 : 63;
    // The bits above are ignored: they are treated as copies of bit 55.
    long counted = address << 63 - top >> 63 - top;
    recorder.counting(counted);
    if (tables != null) {
      outside = false;
      for (int bit = tables.inputBits(); bit <= top; bit++) {
        outside |= (address >>> bit & 1) != (upper ? 1 : 0);
      }
    }
    boolean refused = off || e0pd || outside;
    recorder.decided(
        upper ? "upper range" : "lower range",
        "VA",
        counted,
        refused
            ? SmmuStage2Steps.name(EventCode.F_TRANSLATION)
            : counted == address ? "inside" : "inside; bits 63:56 are ignored",
        "SMMUv3 3.4.1");
    if (refused) {
      // A refusal before any fetch has the level of the start table.
      throw SmmuRefusal.first(
          EventCode.F_TRANSLATION, off || tables == null ? 0 : tables.start(), false);
    }
    return Objects.requireNonNull(tables);
  }

  private Descriptor fetch(SmmuTables tables, long at, int level) {
    long host = at;
    if (second != null) {
      String purpose = ", for the stage 1 descriptor of level " + level;
      SmmuStage2Steps.Leaf through = second.walk(purpose, at, SmmuStage2Steps.Want.TABLE_READ, 1);
      second.settle(through, false, 1);
      host = through.output();
    }
    int run = memory.find(host);
    if (run < 0) {
      recorder.decided(
          "stage 1 descriptor",
          "PA",
          host,
          SmmuStage2Steps.name(EventCode.F_WALK_EABT),
          "SMMUv3 7.3.12");
      throw new SmmuRefusal(EventCode.F_WALK_EABT, 1, level, 1, host, false);
    }
    return new Descriptor(level, at, host, run, tables.order(memory.load(run, host)));
  }

  private VtdAnswer finish(
      SmmuTables tables, Descriptor leaf, long above, long page, SmmuStage2Steps.Want want) {
    boolean ha = is(ContextDescriptor.HA);
    boolean revivable = isRevivable(leaf.word);
    boolean[] rights = granted(leaf.word, above, want);
    boolean denied =
        want.read() && !rights[0] || want.write() && !rights[1] || want.execute() && !rights[2];
    recorder.decided(
        "stage 1 permissions",
        "",
        0,
        denied ? SmmuStage2Steps.name(EventCode.F_PERMISSION) : "granted",
        "DDI 0487 D8.4");
    if (denied) {
      throw SmmuRefusal.first(EventCode.F_PERMISSION, leaf.level, want.write() && rights[1]);
    }
    long wanted = ha ? leaf.word | Stage1Descriptor.AF.mask() : leaf.word;
    if (want.write() && revivable) {
      wanted &= ~Stage1Descriptor.AP2.mask();
    }
    int span = tables.offsetBits(leaf.level);
    if (second == null) {
      update(tables, leaf, wanted);
      tell(attributes(tables, leaf.word));
      return new VtdAnswer(page, span, rights[0], rights[1]);
    }
    SmmuStage2Steps.Leaf last = second.walk(", for the output", page, want, 2);
    if (wanted != leaf.word) {
      updateThrough(second, tables, leaf, wanted);
    }
    second.settle(last, want.write(), 2);
    tell(second.attributes(attributes(tables, leaf.word), last));
    return new VtdAnswer(
        last.output(),
        Math.min(span, last.spanLog2()),
        rights[0] && last.readable(),
        rights[1] && last.writable());
  }

  private void updateThrough(
      SmmuStage2Steps stage2, SmmuTables tables, Descriptor leaf, long wanted) {
    SmmuStage2Steps.Leaf table =
        stage2.walk(", for the update", leaf.at, SmmuStage2Steps.Want.TABLE_UPDATE, 1);
    stage2.settle(table, true, 1);
    update(tables, leaf, wanted);
  }

  /**
   * Completes a translation request and sets flags for the rights that it grants (3.13.7, 13.7).
   */
  private VtdAnswer complete(
      SmmuTables tables, Descriptor leaf, long above, long page, SmmuAts ats) {
    boolean clean = Stage1Descriptor.AP2.in(leaf.word);
    boolean[] mine = granted(leaf.word, above, ats.nothing());
    if (clean && !ats.write()) {
      // No-Write must not make a page dirty, so a clean page is not writable for such a request.
      mine[1] = false;
    }
    boolean[] rights = ats.complete(recorder, mine);
    int span = tables.offsetBits(leaf.level);
    long output = page;
    SmmuStage2Steps.Leaf last = null;
    if (second != null) {
      last = second.walk(", for the output", page, ats.nothing(), 2);
      rights = ats.complete(recorder, SmmuAts.both(mine, second.granted(last, ats)));
      span = Math.min(span, last.spanLog2());
      output = ats.split() ? page : last.output();
    }
    boolean dirties = ats.write() && rights[1];
    long wanted = is(ContextDescriptor.HA) ? leaf.word | Stage1Descriptor.AF.mask() : leaf.word;
    if (dirties && isRevivable(leaf.word)) {
      wanted &= ~Stage1Descriptor.AP2.mask();
    }
    if (second == null || last == null) {
      update(tables, leaf, wanted);
    } else {
      if (wanted != leaf.word) {
        updateThrough(second, tables, leaf, wanted);
      }
      second.settle(last, dirties, 2);
    }
    return new VtdAnswer(output, span, rights[0], rights[1], rights[2]);
  }

  /** Whether a write makes a clean page dirty and thereby writable. */
  private boolean isRevivable(long word) {
    boolean hd = is(ContextDescriptor.HA) && is(ContextDescriptor.HD);
    return hd && Stage1Descriptor.DBM.in(word);
  }

  /** The rights that a leaf grants this request. */
  private boolean[] granted(long word, long above, SmmuStage2Steps.Want want) {
    boolean writable = !Stage1Descriptor.AP2.in(word) || isRevivable(word);
    return rights(word, above, writable, want.privileged());
  }

  private static String describe(boolean[] rights) {
    return Recorder.rights(rights[0], rights[1], rights[2]);
  }

  private MemoryAttributes attributes(SmmuTables tables, long word) {
    int index = (int) Stage1Descriptor.ATTRINDX.get(word);
    Field bytes = index < 4 ? ContextDescriptor.MAIR0 : ContextDescriptor.MAIR1;
    int mair = (int) (SmmuStream.get(bytes, cd) >>> 8 * (index % 4)) & 0xff;
    return MemoryAttributes.ofStage1(mair, tables.shareability(word));
  }

  private void tell(MemoryAttributes attributes) {
    recorder.decided("memory attributes", "", 0, attributes.describe(), "SMMUv3 13.1");
  }

  /** The read, write and execute rights of one requester (DDI 0487, D8.4). */
  private boolean[] rights(long word, long above, boolean writable, boolean privileged) {
    long table = Stage1Descriptor.APTABLE.get(above);
    boolean write = writable && table < 2;
    boolean xn = Stage1Descriptor.UXN.in(word) || Stage1Descriptor.UXNTABLE.in(above);
    boolean pxn = Stage1Descriptor.PXN.in(word) || Stage1Descriptor.PXNTABLE.in(above);
    boolean wxn = is(ContextDescriptor.WXN);
    if (!context.hasTwoPrivileges()) {
      return new boolean[] {true, write, !xn && !(wxn && write)};
    }
    boolean user = Stage1Descriptor.AP1.in(word) && table % 2 == 0;
    if (!privileged) {
      return new boolean[] {user, user && write, !xn && !(wxn && user && write)};
    }
    boolean never = is(ContextDescriptor.PAN) && user;
    boolean privilegedWrite = write && !never;
    boolean execute = !pxn && !(user && write) && !(wxn && privilegedWrite);
    return new boolean[] {!never, privilegedWrite, execute};
  }

  private void update(SmmuTables tables, Descriptor leaf, long wanted) {
    if (wanted == leaf.word) {
      return;
    }
    int outcome = memory.update(leaf.run, leaf.host, tables.order(leaf.word), tables.order(wanted));
    SmmuRefusal failed = new SmmuRefusal(EventCode.F_WALK_EABT, 1, leaf.level, 1, leaf.host, false);
    if (outcome == GuestMemory.LOST) {
      throw new Restart(failed);
    }
    if (outcome == GuestMemory.REFUSED) {
      throw failed;
    }
    recorder.decided(
        "stage 1 flags",
        "PA",
        leaf.host,
        "0x%016x becomes 0x%016x".formatted(leaf.word, wanted),
        "SMMUv3 3.13");
  }
}
