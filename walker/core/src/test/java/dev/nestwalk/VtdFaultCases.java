package dev.nestwalk;

import static dev.nestwalk.VtdLab.GUEST_PAGE;
import static dev.nestwalk.VtdLab.GUEST_TABLES;
import static dev.nestwalk.VtdLab.IOVA;
import static dev.nestwalk.VtdLab.OUTSIDE;
import static dev.nestwalk.VtdLab.PAGE;
import static dev.nestwalk.VtdLab.PASID;
import static dev.nestwalk.VtdLab.RW;
import static dev.nestwalk.VtdLab.SOURCE;
import static dev.nestwalk.VtdLab.USER_PAGE;

import dev.nestwalk.dma.Access;
import dev.nestwalk.fixtures.vtd.FirstStageTables;
import dev.nestwalk.fixtures.vtd.PasidEntry;
import dev.nestwalk.fixtures.vtd.SecondStageTables;
import dev.nestwalk.fixtures.vtd.VtdMachine;
import dev.nestwalk.vtd.FaultReason;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/** One way, at least, into every fault reason that a VT-d translation can raise. */
final class VtdFaultCases {
  /** A fault, how to come to it, in words and as a request on a lab machine. */
  record Case(FaultReason reason, String how, Consumer<VtdLab> request) {}

  private static final int R = Access.READ;
  private static final int W = Access.WRITE;
  private static final long INTERRUPTS = 0xfee0_1000L;

  private final List<Case> cases = new ArrayList<>();

  static List<Case> all() {
    VtdFaultCases builder = new VtdFaultCases();
    builder.legacyStructures();
    builder.legacyWalk();
    builder.modes();
    builder.scalableStructures();
    builder.pasidStructures();
    builder.firstStage();
    builder.secondStage();
    builder.nested();
    builder.flags();
    return builder.cases;
  }

  private void add(FaultReason reason, String how, Consumer<VtdLab> request) {
    cases.add(new Case(reason, how, request));
  }

  private void legacyStructures() {
    add(
        FaultReason.LRT_1,
        "root table outside memory",
        lab -> {
          lab.machine.register("RTADDR", OUTSIDE);
          lab.ask(-1, IOVA, R);
        });
    add(FaultReason.LRT_2, "root entry of an unused bus", lab -> lab.ask(0x4000, -1, IOVA, R));
    add(
        FaultReason.LRT_3,
        "bit 1 of a root entry",
        lab -> {
          lab.legacy();
          lab.flip(lab.machine.root(), 1);
          lab.ask(-1, IOVA, R);
        });
    add(
        FaultReason.LCT_1,
        "context table outside memory",
        lab -> {
          lab.memory.put(lab.machine.root(), OUTSIDE | 1);
          lab.ask(-1, IOVA, R);
        });
    add(
        FaultReason.LCT_2,
        "context entry of an unused function",
        lab -> {
          lab.legacy();
          lab.ask(0x0011, -1, IOVA, R);
        });
    add(
        FaultReason.LCT_3,
        "bit 4 of a context entry",
        lab -> {
          lab.legacy();
          lab.flip(lab.machine.contextAddress(SOURCE), 4);
          lab.ask(-1, IOVA, R);
        });
    for (int type : new int[] {0, 1, 2}) {
      add(
          FaultReason.LCT_4,
          "address width 0 with translation type " + type,
          lab -> {
            lab.machine.context(SOURCE, type, 0, 5, lab.memory.allocate());
            lab.ask(-1, IOVA, R);
          });
    }
    add(
        FaultReason.LCT_4,
        "translation type 3",
        lab -> {
          lab.machine.context(SOURCE, 3, 2, 5, lab.memory.allocate());
          lab.ask(-1, IOVA, R);
        });
    add(
        FaultReason.LCT_4,
        "pass-through with a width below the largest",
        lab -> {
          lab.machine.context(SOURCE, 2, 2, 5, 0);
          lab.ask(-1, IOVA, R);
        });
    add(
        FaultReason.LCT_4,
        "second-stage root outside memory",
        lab -> {
          lab.machine.context(SOURCE, 0, 2, 5, OUTSIDE);
          lab.ask(-1, IOVA, R);
        });
    add(
        FaultReason.LCT_5,
        "translated request with translation type 0",
        lab -> {
          lab.legacy();
          lab.ask(-1, IOVA, R | Access.TRANSLATED);
        });
  }

  private void legacyWalk() {
    add(
        FaultReason.LGN_1,
        "address of 49 bits in a 48-bit domain",
        lab -> {
          lab.legacy();
          lab.ask(-1, 1L << 48, R);
        });
    add(
        FaultReason.LGN_2,
        "write to a read-only page",
        lab -> {
          lab.legacy().map(IOVA, PAGE, 12, SecondStageTables.R);
          lab.ask(-1, IOVA, W);
        });
    add(
        FaultReason.LGN_3,
        "read of a write-only page",
        lab -> {
          lab.legacy().map(IOVA, PAGE, 12, SecondStageTables.W);
          lab.ask(-1, IOVA, R);
        });
    add(
        FaultReason.LSS_1,
        "level-3 table outside memory",
        lab -> {
          SecondStageTables second = lab.legacy();
          lab.memory.put(second.entryAddress(IOVA, 4), OUTSIDE | RW);
          lab.ask(-1, IOVA, R);
        });
    add(
        FaultReason.LSS_2,
        "bit 62 of a level-1 entry",
        lab -> {
          lab.flip(lab.legacy().entryAddress(IOVA, 1), 62);
          lab.ask(-1, IOVA, R);
        });
    add(
        FaultReason.LGN_4,
        "page in the interrupt range",
        lab -> {
          lab.legacy().map(IOVA, INTERRUPTS, 12, RW);
          lab.ask(-1, IOVA, R);
        });
  }

  private void modes() {
    add(
        FaultReason.RTA_1,
        "reserved translation table mode",
        lab -> {
          lab.machine.register("RTADDR", lab.machine.root() | 2L << 10);
          lab.ask(-1, IOVA, R);
        });
    add(
        FaultReason.RTA_2,
        "request with PASID in legacy mode",
        lab -> {
          lab.legacy();
          lab.ask(PASID, IOVA, R);
        });
    add(
        FaultReason.RTA_4,
        "abort-DMA mode",
        lab -> {
          lab.machine.register("RTADDR", 3L << 10);
          lab.ask(-1, IOVA, R);
        });
  }

  private void scalableStructures() {
    add(
        FaultReason.SRT_1,
        "root table outside memory",
        lab -> {
          lab.second();
          lab.machine.register("RTADDR", OUTSIDE | 1L << 10);
          lab.ask(-1, IOVA, R);
        });
    add(
        FaultReason.SRT_2,
        "upper half of a root entry",
        lab -> {
          lab.second();
          lab.ask(0x0080, -1, IOVA, R);
        });
    add(
        FaultReason.SRT_3,
        "bit 11 of a root entry",
        lab -> {
          lab.second();
          lab.flip(lab.machine.root(), 11);
          lab.ask(-1, IOVA, R);
        });
    add(
        FaultReason.SCT_1,
        "context table outside memory",
        lab -> {
          lab.machine.scalable();
          lab.memory.put(lab.machine.root(), OUTSIDE | 1);
          lab.ask(-1, IOVA, R);
        });
    add(
        FaultReason.SCT_2,
        "context entry of an unused function",
        lab -> {
          lab.second();
          lab.ask(0x0011, -1, IOVA, R);
        });
    add(
        FaultReason.SCT_3,
        "bit 85 of a context entry",
        lab -> {
          lab.second();
          lab.flip(lab.machine.contextAddress(SOURCE), 85);
          lab.ask(-1, IOVA, R);
        });
    add(
        FaultReason.SCT_4,
        "page requests without a device-TLB",
        lab -> {
          // PRE 4 without DTE 2.
          lab.machine.scalable().scalableContext(SOURCE, 16, 0, PASID);
          lab.askUnserved(-1, IOVA, R);
        });
    add(
        FaultReason.SCT_5,
        "translation request without DTE",
        lab -> {
          lab.second();
          lab.flip(lab.machine.contextAddress(SOURCE), 2);
          lab.ask(-1, IOVA, R | Access.TRANSLATION_REQUEST);
        });
    add(
        FaultReason.SCT_6,
        "request with PASID without PASIDE",
        lab -> {
          lab.second();
          lab.flip(lab.machine.contextAddress(SOURCE), 3);
          lab.ask(PASID, IOVA, R);
        });
    add(
        FaultReason.SCT_7,
        "PASID of 14 bits, directory for 13",
        lab -> {
          lab.second();
          lab.ask(1 << 13, IOVA, R);
        });
    add(
        FaultReason.SGN_10,
        "PASID of 13 bits on a unit with 12",
        lab -> {
          lab.second();
          // PSS 39:35 = 11.
          lab.machine.register("ECAP", VtdMachine.ECAP & ~(31L << 35) | 11L << 35);
          lab.ask(1 << 12, IOVA, R);
        });
    add(
        FaultReason.SCT_9,
        "RID_PASID of 14 bits, directory for 13",
        lab -> {
          lab.machine.scalable().scalableContext(SOURCE, 0, 0, 1 << 13);
          lab.ask(-1, IOVA, R);
        });
  }

  private void pasidStructures() {
    add(
        FaultReason.SPD_1,
        "PASID directory outside memory",
        lab -> {
          lab.second();
          lab.memory.put(lab.machine.contextAddress(SOURCE), OUTSIDE | 1);
          lab.ask(-1, IOVA, R);
        });
    add(
        FaultReason.SPD_2,
        "PASID without directory entry",
        lab -> {
          lab.second();
          lab.ask(64, IOVA, R);
        });
    add(
        FaultReason.SPD_3,
        "bit 2 of a directory entry",
        lab -> {
          lab.second();
          long directory = lab.memory.get(lab.machine.contextAddress(SOURCE)) & -4096;
          lab.flip(directory, 2);
          lab.ask(-1, IOVA, R);
        });
    add(
        FaultReason.SPT_1,
        "PASID table outside memory",
        lab -> {
          lab.second();
          long directory = lab.memory.get(lab.machine.contextAddress(SOURCE)) & -4096;
          lab.memory.put(directory, OUTSIDE | 1);
          lab.ask(-1, IOVA, R);
        });
    add(
        FaultReason.SPT_2,
        "PASID without table entry",
        lab -> {
          lab.second();
          lab.ask(PASID + 1, IOVA, R);
        });
    add(
        FaultReason.SPT_3,
        "bit 192 of a PASID table entry",
        lab -> {
          lab.second();
          lab.flip(lab.machine.pasidAddress(SOURCE, PASID), 192);
          lab.ask(-1, IOVA, R);
        });
    for (int type : new int[] {0, 5, 6, 7}) {
      add(
          FaultReason.SPT_4,
          "translation type " + type,
          lab -> lab.scalable().pasid(PasidEntry.ofType(type)).ask(-1, IOVA, R));
    }
    for (int aw : new int[] {0, 4, 5, 6, 7}) {
      add(
          FaultReason.SPT_4,
          "second stage with address width " + aw,
          lab -> lab.scalable().pasid(PasidEntry.secondStage(aw, 0)).ask(-1, IOVA, R));
    }
    add(
        FaultReason.SPT_4,
        "first-stage paging mode 2",
        lab -> lab.scalable().pasid(PasidEntry.firstStage(4, 0).flip(131)).ask(-1, IOVA, R));
    add(
        FaultReason.SPT_4,
        "pass-through with a width below the largest",
        lab -> lab.scalable().pasid(PasidEntry.passThrough(2)).ask(-1, IOVA, R));
    unsupportedTypes();
    add(
        FaultReason.SPT_5,
        "execute request without ERE",
        lab -> {
          lab.first();
          lab.ask(PASID, IOVA, R | Access.EXECUTE);
        });
    add(
        FaultReason.SPT_6,
        "privileged request without SRE",
        lab -> {
          lab.first();
          lab.ask(PASID, IOVA, R | Access.PRIVILEGED);
        });
  }

  /** Each translation type on a unit without the capability for it. */
  private void unsupportedTypes() {
    int[] capability = {47, 46, 26, 6};
    for (int type = 1; type <= 4; type++) {
      int bit = capability[type - 1];
      PasidEntry entry = PasidEntry.ofType(type).secondRoot(3, 0);
      // NEST depends on both stages, so it goes whenever one of them does.
      long removed = 1L << bit | 1L << 26;
      add(
          FaultReason.SPT_4,
          "translation type " + type + " on a unit without it",
          lab -> {
            lab.machine.register("ECAP", VtdMachine.ECAP & ~removed);
            lab.scalable().pasid(entry).ask(-1, IOVA, R);
          });
    }
    add(
        FaultReason.SPT_4,
        "5-level first stage on a unit without it",
        lab -> {
          lab.machine.register("CAP", VtdMachine.CAP & ~(1L << 60));
          lab.scalable().pasid(PasidEntry.firstStage(5, 0)).ask(-1, IOVA, R);
        });
  }

  private void firstStage() {
    add(
        FaultReason.SGN_1,
        "bit 47 set, bit 48 clear",
        lab -> {
          lab.first();
          lab.ask(-1, 1L << 47, R);
        });
    add(
        FaultReason.SFS_4,
        "first-stage root outside memory",
        lab -> lab.scalable().pasid(PasidEntry.firstStage(4, OUTSIDE)).ask(-1, IOVA, R));
    add(
        FaultReason.SFS_1,
        "level-3 table outside memory",
        lab -> {
          lab.memory.put(lab.first().entryAddress(IOVA, 4), OUTSIDE | 7);
          lab.ask(-1, IOVA, R);
        });
    add(
        FaultReason.SFS_2,
        "page that is not mapped",
        lab -> {
          lab.first();
          lab.ask(-1, IOVA + 4096, R);
        });
    add(
        FaultReason.SFS_3,
        "bit 51 of a page-table entry, host width 46",
        lab -> {
          lab.flip(lab.first().entryAddress(IOVA, 1), 51);
          lab.ask(-1, IOVA, R);
        });
    add(
        FaultReason.SGN_2,
        "user request to a supervisor page",
        lab -> {
          lab.first().map(IOVA, PAGE, 12, USER_PAGE & ~FirstStageTables.US);
          lab.ask(-1, IOVA, R);
        });
    add(
        FaultReason.SGN_3,
        "execute request to an XD page",
        lab -> {
          FirstStageTables first = lab.first().map(IOVA, PAGE, 12, USER_PAGE | FirstStageTables.XD);
          lab.pasid(VtdLab.firstEntry(first).executeRequests());
          lab.ask(PASID, IOVA, R | Access.EXECUTE);
        });
    add(
        FaultReason.SGN_6,
        "write to a read-only page",
        lab -> {
          lab.first().map(IOVA, PAGE, 12, USER_PAGE & ~FirstStageTables.RW);
          lab.ask(-1, IOVA, W);
        });
    add(
        FaultReason.SGN_8,
        "page in the interrupt range",
        lab -> {
          lab.first().map(IOVA, INTERRUPTS, 12, USER_PAGE);
          lab.ask(-1, IOVA, R);
        });
    add(
        FaultReason.SGN_8,
        "pass-through request with PASID into the interrupt range",
        lab -> lab.scalable().pasid(PasidEntry.passThrough(3)).ask(PASID, INTERRUPTS, W));
    add(
        FaultReason.SGN_4,
        "pass-through beyond the host address width",
        lab -> lab.scalable().pasid(PasidEntry.passThrough(3)).ask(-1, 1L << 46, R));
  }

  private void secondStage() {
    add(
        FaultReason.SGN_5,
        "address of 49 bits in a 48-bit domain",
        lab -> {
          lab.second();
          lab.ask(-1, 1L << 48, R);
        });
    add(
        FaultReason.SSS_4,
        "second-stage root outside memory",
        lab -> lab.scalable().pasid(PasidEntry.secondStage(2, OUTSIDE)).ask(-1, IOVA, R));
    add(
        FaultReason.SSS_1,
        "level-3 table outside memory",
        lab -> {
          lab.memory.put(lab.second().entryAddress(IOVA, 4), OUTSIDE | RW);
          lab.ask(-1, IOVA, R);
        });
    add(
        FaultReason.SSS_2,
        "page that is not mapped",
        lab -> {
          lab.second();
          lab.ask(-1, IOVA + 4096, R);
        });
    add(
        FaultReason.SSS_3,
        "bit 62 of a level-1 entry",
        lab -> {
          lab.flip(lab.second().entryAddress(IOVA, 1), 62);
          lab.ask(-1, IOVA, R);
        });
    add(
        FaultReason.SGN_6,
        "second stage: write to a read-only page",
        lab -> {
          lab.second().map(IOVA, PAGE, 12, SecondStageTables.R);
          lab.ask(-1, IOVA, W);
        });
    add(
        FaultReason.SGN_7,
        "read of a write-only page",
        lab -> {
          lab.second().map(IOVA, PAGE, 12, SecondStageTables.W);
          lab.ask(-1, IOVA, R);
        });
    add(
        FaultReason.SGN_3,
        "second stage with SSEE: execute request to a page without X",
        lab -> {
          SecondStageTables second = lab.second();
          lab.pasid(VtdLab.secondEntry(second).secondStageExecute().executeRequests());
          lab.ask(PASID, IOVA, R | Access.EXECUTE);
        });
  }

  private void nested() {
    add(
        FaultReason.SFS_5,
        "first-stage output of 41 bits, guest addresses of 39",
        lab -> {
          lab.machine.register("CAP", VtdMachine.CAP & ~(0x3fL << 16) | 38L << 16);
          lab.nested().first().map(IOVA, 1L << 40, 12, USER_PAGE);
          lab.ask(-1, IOVA, R);
        });
    add(
        FaultReason.SFS_6,
        "root table of the first stage mapped write-only",
        lab -> {
          VtdLab.Nested nested = lab.nested();
          lab.flip(nested.second().entryAddress(GUEST_TABLES, 1), 0);
          lab.ask(-1, IOVA, R);
        });
    add(
        FaultReason.SFS_7,
        "level-3 table of the first stage mapped write-only",
        lab -> {
          VtdLab.Nested nested = lab.nested();
          lab.flip(nested.second().entryAddress(GUEST_TABLES + 4096, 1), 0);
          lab.ask(-1, IOVA, R);
        });
    add(
        FaultReason.SFS_8,
        "accessed flag to set in a table mapped read-only",
        lab -> {
          VtdLab.Nested nested = lab.nested(SecondStageTables.R);
          long entry = nested.guest().toHost(nested.first().entryAddress(IOVA, 1));
          lab.memory.put(entry, lab.memory.get(entry) & ~FirstStageTables.A);
          lab.ask(-1, IOVA, R);
        });
    add(
        FaultReason.SSS_2,
        "nested: final address not mapped by the second stage",
        lab -> {
          lab.nested().first().map(IOVA, GUEST_PAGE + 4096, 12, USER_PAGE);
          lab.ask(-1, IOVA, R);
        });
  }

  private void flags() {
    add(
        FaultReason.SFS_9,
        "accessed flag to set without PWSNP",
        lab -> {
          FirstStageTables first = lab.first().map(IOVA, PAGE, 12, 7);
          lab.pasid(PasidEntry.firstStage(4, first.root()));
          lab.ask(-1, IOVA, R);
        });
    add(
        FaultReason.SFS_10,
        "accessed flag to set in memory that refuses writes",
        lab -> {
          lab.first().map(IOVA, PAGE, 12, 7);
          lab.readOnlyMemory().ask(-1, IOVA, R);
        });
    add(
        FaultReason.SSS_5,
        "second-stage accessed flag to set without PWSNP",
        lab -> {
          SecondStageTables second = lab.second();
          lab.pasid(PasidEntry.secondStage(2, second.root()).secondStageFlags());
          lab.ask(-1, IOVA, R);
        });
    add(
        FaultReason.SSS_6,
        "second-stage accessed flag to set in memory that refuses writes",
        lab -> {
          SecondStageTables second = lab.second();
          lab.pasid(VtdLab.secondEntry(second).secondStageFlags());
          lab.readOnlyMemory().ask(-1, IOVA, R);
        });
  }
}
