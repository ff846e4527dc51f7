package dev.nestwalk;

import static dev.nestwalk.SmmuLab.ADDRESS;
import static dev.nestwalk.SmmuLab.BYPASS;
import static dev.nestwalk.SmmuLab.FIRST;
import static dev.nestwalk.SmmuLab.FIRST_PAGE;
import static dev.nestwalk.SmmuLab.IPA;
import static dev.nestwalk.SmmuLab.NESTED;
import static dev.nestwalk.SmmuLab.OUTSIDE;
import static dev.nestwalk.SmmuLab.PAGE;
import static dev.nestwalk.SmmuLab.SECOND;
import static dev.nestwalk.SmmuLab.SECOND_PAGE;

import dev.nestwalk.dma.Access;
import dev.nestwalk.fixtures.smmu.StreamEntry;
import dev.nestwalk.smmu.EventType;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/** One way, at least, into every event, illegal STE and illegal CD. */
final class SmmuEventCases {
  /** An event, how to come to it, in words and as a request on a lab machine. */
  record Case(EventType event, String how, Consumer<SmmuLab> request) {}

  private static final int R = Access.READ;
  private static final int W = Access.WRITE;

  private final List<Case> cases = new ArrayList<>();

  static List<Case> all() {
    SmmuEventCases builder = new SmmuEventCases();
    builder.streams();
    builder.illegalStreams();
    builder.illegalStage2();
    builder.substreams();
    builder.illegalContexts();
    builder.walks();
    builder.nested();
    builder.ats();
    return builder.cases;
  }

  private void add(EventType event, String how, Consumer<SmmuLab> request) {
    cases.add(new Case(event, how, request));
  }

  private void streams() {
    EventType bad = EventType.C_BAD_STREAMID;
    add(bad, "StreamID beyond the table", lab -> lab.ask(64, ADDRESS, R));
    add(
        bad,
        "level 1 descriptor with Span 0",
        lab -> {
          lab.machine.twoLevel();
          lab.ask(64, ADDRESS, R);
        });
    for (int span : new int[] {8, 12, 31}) {
      add(
          bad,
          "level 1 descriptor with Span " + span,
          lab -> {
            lab.machine.twoLevel();
            long table = table(lab);
            lab.memory.put(table, lab.memory.get(table) & ~31 | span);
            lab.ask(FIRST, ADDRESS, R);
          });
    }
    add(
        bad,
        "StreamID beyond the leaf's span",
        lab -> {
          lab.machine.twoLevel();
          lab.memory.put(table(lab), lab.memory.get(table(lab)) & ~31 | 1);
          lab.ask(FIRST, ADDRESS, R);
        });
    add(
        EventType.F_STE_FETCH,
        "stream table outside memory",
        lab -> lab.register("STRTAB_BASE", -1, OUTSIDE).ask(FIRST, ADDRESS, R));
    add(
        EventType.F_STE_FETCH,
        "level 1 stream table outside memory",
        lab -> {
          lab.machine.twoLevel();
          lab.register("STRTAB_BASE", -1, OUTSIDE).ask(FIRST, ADDRESS, R);
        });
  }

  private static long table(SmmuLab lab) {
    Long base = lab.machine.registers().get("STRTAB_BASE");
    return base == null ? 0 : base;
  }

  private void ste(String how, Consumer<SmmuLab> request) {
    add(EventType.C_BAD_STE, how, request);
  }

  private void illegalStreams() {
    ste("V = 0", lab -> lab.stream(FIRST, 0).ask(FIRST, ADDRESS, R));
    ste("stage 1 not present", lab -> lab.register("IDR0", 2, 0).ask(FIRST, ADDRESS, R));
    ste("stage 2 not present", lab -> lab.register("IDR0", 1, 0).ask(SECOND, ADDRESS, R));
    ste(
        "EATS split-stage without nesting",
        lab -> lab.register("IDR0", 0, 1 << 10).stream(FIRST, 93).ask(FIRST, ADDRESS, R));
    ste(
        "EATS split-stage on a unit without it",
        lab -> lab.register("IDR0", 0, 3 << 10).stream(NESTED, 93).ask(NESTED, ADDRESS, R));
    ste(
        "EATS full with a stalling stage 2",
        lab -> lab.register("IDR0", 0, 1 << 10).stream(NESTED, 92, 185).ask(NESTED, ADDRESS, R));
    ste("STRW = 1", lab -> lab.stream(FIRST, 94).ask(FIRST, ADDRESS, R));
    ste("STRW = 3", lab -> lab.stream(FIRST, 94, 95).ask(FIRST, ADDRESS, R));
    ste(
        "S1STALLD on a unit that never stalls",
        lab -> lab.register("IDR0", 0, 1 << 24).stream(FIRST, 91).ask(FIRST, ADDRESS, R));
    ste("S1CDMax above SSIDSIZE", lab -> lab.stream(FIRST, 62, 60, 59).ask(FIRST, ADDRESS, R));
    ste(
        "two-level CD table on a unit without it",
        lab -> lab.register("IDR0", 1 << 19, 0).stream(FIRST, 59, 4).ask(FIRST, ADDRESS, R));
    ste("S1ContextPtr beyond OAS", lab -> lab.stream(FIRST, 49).ask(FIRST, ADDRESS, R));
    ste(
        "VMID of 9 bits on a unit with 8",
        lab -> lab.register("IDR0", 1 << 18, 0).stream(FIRST, 136).ask(FIRST, ADDRESS, R));
  }

  private void illegalStage2() {
    ste("S2AA64 = 0", lab -> lab.stream(SECOND, 179).ask(SECOND, ADDRESS, R));
    ste(
        "S2S on a unit that never stalls",
        lab -> lab.register("IDR0", 0, 1 << 24).stream(SECOND, 185).ask(SECOND, ADDRESS, R));
    ste(
        "S2S = 0 on a unit that always stalls",
        lab -> lab.register("IDR0", 0, 2 << 24).ask(SECOND, ADDRESS, R));
    ste(
        "S2HA without HTTU",
        lab -> lab.register("IDR0", 3 << 6, 0).stream(SECOND, 184).ask(SECOND, ADDRESS, R));
    ste(
        "S2HD with access flag updates only",
        lab -> lab.register("IDR0", 3 << 6, 1 << 6).stream(SECOND, 183).ask(SECOND, ADDRESS, R));
    ste("S2TG = 3", lab -> lab.stream(SECOND, 174, 175).ask(SECOND, ADDRESS, R));
    ste(
        "granule not offered",
        lab -> lab.register("IDR5", 1 << 6, 0).stream(SECOND, 174).ask(SECOND, ADDRESS, R));
    ste("S2T0SZ below its minimum", lab -> lab.stream(SECOND, 163, 164).ask(SECOND, ADDRESS, R));
    ste(
        "S2T0SZ above its maximum",
        lab -> lab.register("IDR3", 1 << 9, 0).stream(SECOND, 165, 163).ask(SECOND, ADDRESS, R));
    ste("S2SL0 too deep for S2T0SZ", lab -> lab.stream(SECOND, 166, 167).ask(SECOND, ADDRESS, R));
    ste("S2SL0 too shallow for S2T0SZ", lab -> lab.stream(SECOND, 166).ask(SECOND, ADDRESS, R));
    ste("S2TTB beyond S2PS", lab -> lab.stream(SECOND, 192 + 49).ask(SECOND, ADDRESS, R));
    ste(
        "S2ENDI on a little-endian unit",
        lab -> lab.register("IDR0", 3 << 21, 2 << 21).stream(SECOND, 180).ask(SECOND, ADDRESS, R));
    ste(
        "S2ENDI = 0 on a big-endian unit",
        lab -> lab.register("IDR0", 0, 3 << 21).ask(SECOND, ADDRESS, R));
  }

  private void substreams() {
    EventType bad = EventType.C_BAD_SUBSTREAMID;
    add(bad, "SubstreamID in a bypass stream", lab -> lab.ask(BYPASS, 0, ADDRESS, R));
    add(bad, "SubstreamID in a stage 2 stream", lab -> lab.ask(SECOND, 1, ADDRESS, R));
    add(bad, "SubstreamID without substreams", lab -> lab.ask(FIRST, 0, ADDRESS, R));
    add(bad, "SubstreamID too large", lab -> lab.stream(FIRST, 59).ask(FIRST, 2, ADDRESS, R));
    add(
        bad,
        "level 1 CD descriptor not valid",
        lab -> {
          lab.machine.stream(FIRST, new StreamEntry(5).stage1(lab.memory.allocate(), 7, 1, 2));
          lab.ask(FIRST, ADDRESS, R);
        });
    EventType disabled = EventType.F_STREAM_DISABLED;
    add(disabled, "S1DSS = 0", lab -> lab.stream(FIRST, 59).ask(FIRST, ADDRESS, R));
    add(disabled, "S1DSS = 3", lab -> lab.stream(FIRST, 59, 64, 65).ask(FIRST, ADDRESS, R));
    add(
        disabled,
        "SubstreamID 0 with S1DSS = 2",
        lab -> lab.stream(FIRST, 59, 65).ask(FIRST, 0, ADDRESS, R));
    add(
        EventType.F_CD_FETCH,
        "CD outside memory",
        lab -> {
          lab.machine.stream(FIRST, new StreamEntry(5).stage1(OUTSIDE, 0, 0, 0));
          lab.ask(FIRST, ADDRESS, R);
        });
    add(
        EventType.F_CD_FETCH,
        "level 1 CD table outside memory",
        lab -> {
          lab.machine.stream(FIRST, new StreamEntry(5).stage1(OUTSIDE, 7, 1, 2));
          lab.ask(FIRST, ADDRESS, R);
        });
  }

  private void cd(String how, Consumer<SmmuLab> request) {
    add(EventType.C_BAD_CD, how, request);
  }

  private void illegalContexts() {
    cd("V = 0", lab -> lab.context(31).ask(FIRST, ADDRESS, R));
    cd("AA64 = 0", lab -> lab.context(41).ask(FIRST, ADDRESS, R));
    cd("S with S1STALLD", lab -> lab.stream(FIRST, 91).context(44).ask(FIRST, ADDRESS, R));
    cd(
        "S on a unit that never stalls",
        lab -> lab.register("IDR0", 0, 1 << 24).context(44).ask(FIRST, ADDRESS, R));
    cd(
        "S = 0 on a unit that always stalls",
        lab -> lab.register("IDR0", 0, 2 << 24).ask(FIRST, ADDRESS, R));
    cd(
        "A = 0 on a unit that only aborts",
        lab -> lab.register("IDR0", 0, 1 << 26).context(46).ask(FIRST, ADDRESS, R));
    cd(
        "ENDI on a little-endian unit",
        lab -> lab.register("IDR0", 0, 2 << 21).context(15).ask(FIRST, ADDRESS, R));
    cd(
        "ENDI = 0 on a big-endian unit",
        lab -> lab.register("IDR0", 0, 3 << 21).ask(FIRST, ADDRESS, R));
    cd(
        "HA without HTTU",
        lab -> lab.register("IDR0", 3 << 6, 0).context(43).ask(FIRST, ADDRESS, R));
    cd(
        "HD with access flag updates only",
        lab -> lab.register("IDR0", 3 << 6, 1 << 6).context(42).ask(FIRST, ADDRESS, R));
    cd(
        "ASID of 9 bits on a unit with 8",
        lab -> lab.register("IDR0", 1 << 12, 0).context(56).ask(FIRST, ADDRESS, R));
    cd("T0SZ below its minimum", lab -> lab.context(3, 4).ask(FIRST, ADDRESS, R));
    cd(
        "T0SZ above its maximum",
        lab -> lab.register("IDR3", 1 << 9, 0).context(5, 3).ask(FIRST, ADDRESS, R));
    cd("TG0 = 3", lab -> lab.context(6, 7).ask(FIRST, ADDRESS, R));
    cd(
        "granule not offered",
        lab -> lab.register("IDR5", 1 << 6, 0).context(6).ask(FIRST, ADDRESS, R));
    cd("TTB0 beyond IPS", lab -> lab.context(64 + 49).ask(FIRST, ADDRESS, R));
    cd("the unused upper range with TG1 = 0", lab -> lab.context(30).ask(FIRST, ADDRESS, R));
  }

  private void walks() {
    add(
        EventType.F_WALK_EABT,
        "level 2 table outside memory",
        lab -> {
          lab.memory.put(lab.first.descriptorAddress(ADDRESS, 1), OUTSIDE | 3);
          lab.ask(FIRST, ADDRESS, R);
        });
    add(
        EventType.F_WALK_EABT,
        "stage 2: level 2 table outside memory",
        lab -> {
          lab.memory.put(lab.second.descriptorAddress(ADDRESS, 1), OUTSIDE | 3);
          lab.ask(SECOND, ADDRESS, R);
        });
    add(
        EventType.F_WALK_EABT,
        "access flag to set in memory that refuses writes",
        lab -> {
          lab.first.map(ADDRESS, PAGE, 3, 1 << 6);
          lab.context(43).readOnlyMemory().ask(FIRST, ADDRESS, R);
        });
    EventType none = EventType.F_TRANSLATION;
    add(none, "page that is not mapped", lab -> lab.ask(FIRST, ADDRESS + 4096, R));
    add(none, "address above the lower range", lab -> lab.ask(FIRST, 1L << 39, R));
    add(none, "upper range switched off", lab -> lab.ask(FIRST, -4096, R));
    add(none, "E0PD0", lab -> lab.context(66).ask(FIRST, ADDRESS, R));
    add(none, "stage 2 input above its range", lab -> lab.ask(SECOND, 1L << 40, R));
    add(
        none,
        "level 3 descriptor of type 1",
        lab -> {
          long at = lab.first.descriptorAddress(ADDRESS, 3);
          lab.memory.put(at, lab.memory.get(at) & ~2);
          lab.ask(FIRST, ADDRESS, R);
        });
    EventType size = EventType.F_ADDR_SIZE;
    add(size, "bypass input above OAS", lab -> lab.ask(BYPASS, 1L << 48, R));
    add(size, "stage 2 input above IAS", lab -> lab.ask(SECOND, 1L << 48, R));
    add(
        size,
        "output above IPS",
        lab -> {
          lab.first.map(ADDRESS, 1L << 44, 3, FIRST_PAGE);
          lab.context(32).ask(FIRST, ADDRESS, R);
        });
    EventType access = EventType.F_ACCESS;
    add(
        access,
        "access flag clear",
        lab -> {
          lab.first.map(ADDRESS, PAGE, 3, 1 << 6);
          lab.ask(FIRST, ADDRESS, R);
        });
    EventType denied = EventType.F_PERMISSION;
    add(
        denied,
        "write to a read-only page",
        lab -> {
          lab.first.map(ADDRESS, PAGE, 3, FIRST_PAGE | 1 << 7);
          lab.ask(FIRST, ADDRESS, W);
        });
    add(
        denied,
        "user access to a privileged page",
        lab -> {
          lab.first.map(ADDRESS, PAGE, 3, 1 << 10);
          lab.ask(FIRST, ADDRESS, R);
        });
    add(
        denied,
        "privileged access to a user page under PAN",
        lab -> lab.context(40).ask(FIRST, ADDRESS, R | Access.PRIVILEGED));
    add(
        denied,
        "instruction fetch from a writable page under WXN",
        lab -> lab.context(36).ask(FIRST, ADDRESS, R | Access.EXECUTE));
  }

  private void nested() {
    add(
        EventType.F_TRANSLATION,
        "stage 2 does not map the CD",
        lab -> {
          lab.memory.put(lab.second.descriptorAddress(lab.guestContexts, 3), 0);
          lab.ask(NESTED, ADDRESS, R);
        });
    add(
        EventType.F_TRANSLATION,
        "stage 2 does not map the stage 1 start table",
        lab -> {
          lab.memory.put(lab.second.descriptorAddress(lab.guest.root(), 3), 0);
          lab.ask(NESTED, ADDRESS, R);
        });
    add(
        EventType.F_TRANSLATION,
        "stage 2 does not map the output",
        lab -> {
          lab.memory.put(lab.second.descriptorAddress(IPA, 3), 0);
          lab.ask(NESTED, ADDRESS, R);
        });
    add(
        EventType.F_PERMISSION,
        "stage 1 table in Device memory under S2PTW",
        lab -> {
          lab.second.map(lab.guest.root(), lab.guest.root(), 3, SECOND_PAGE & ~(15L << 2));
          lab.stream(NESTED, 182).ask(NESTED, ADDRESS, R);
        });
    add(
        EventType.F_PERMISSION,
        "access flag to set in a stage 1 table that stage 2 maps read-only",
        lab -> {
          lab.guest.map(ADDRESS, IPA, 3, 1 << 6);
          long page = lab.guest.descriptorAddress(ADDRESS, 3) & -4096;
          lab.second.map(page, page, 3, SECOND_PAGE & ~(1L << 7));
          lab.machine.context(lab.guestContexts, lab.guestContext().set(43));
          lab.ask(NESTED, ADDRESS, R);
        });
    add(
        EventType.F_ACCESS,
        "stage 2 access flag clear for the output",
        lab -> {
          lab.second.map(IPA, PAGE, 3, SECOND_PAGE & ~(1L << 10));
          lab.ask(NESTED, ADDRESS, R);
        });
  }

  private void ats() {
    int query = R | Access.TRANSLATION_REQUEST;
    int translated = R | Access.TRANSLATED;
    EventType refused = EventType.F_BAD_ATS_TREQ;
    add(refused, "translation request without EATS", lab -> lab.ask(FIRST, ADDRESS, query));
    add(refused, "translation request in bypass", lab -> lab.ask(BYPASS, ADDRESS, query));
    add(
        refused,
        "translation request while translation is off",
        lab -> lab.register("CR0", 1, 0).ask(FIRST, ADDRESS, query));
    add(
        EventType.F_TRANSL_FORBIDDEN,
        "translated request that ATSCHK checks",
        lab -> lab.register("CR0", 0, 16).ask(FIRST, ADDRESS, translated));
    add(
        EventType.F_TRANSL_FORBIDDEN,
        "translated request while translation is off",
        lab -> lab.register("CR0", 1, 0).ask(FIRST, ADDRESS, translated));
  }
}
