package dev.nestwalk.teach;

import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.vtd.ContextEntry;
import dev.nestwalk.vtd.Ecap;
import dev.nestwalk.vtd.PasidDirectoryEntry;
import dev.nestwalk.vtd.PasidTableEntry;
import dev.nestwalk.vtd.RootEntry;
import dev.nestwalk.vtd.RootTableAddress;
import dev.nestwalk.vtd.ScalableContextEntry;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Lists the present contexts in VT-d tables: root, context, PASID directory and PASID entries (VT-d
 * 9.1 to 9.6). It only finds them; the walker decides whether they are legal.
 */
final class VtdEndpoints {
  private final GuestMemory memory;
  private final boolean scalable;
  private final boolean ridPasid;
  private final long root;
  private final Budget budget;
  private final List<Endpoint> found = new ArrayList<>();
  private boolean stopped;

  private VtdEndpoints(GuestMemory memory, Map<String, Long> registers, Budget budget) {
    long rtaddr = registers.getOrDefault("RTADDR", 0L);
    this.memory = memory;
    this.budget = budget;
    this.scalable = RootTableAddress.TTM.get(rtaddr) == 1;
    this.ridPasid = Ecap.RPS.in(registers.getOrDefault("ECAP", 0L));
    this.root = rtaddr & RootTableAddress.RTA.mask();
  }

  /**
   * Lists all endpoints, or those of one requester id.
   *
   * @param onlySource requester id, null for all
   */
  static List<Endpoint> list(
      GuestMemory memory,
      Map<String, Long> registers,
      @Nullable Integer onlySource,
      Budget budget) {
    VtdEndpoints endpoints = new VtdEndpoints(memory, registers, budget);
    for (int source = 0; source < 1 << 16 && !endpoints.stopped; source++) {
      if (onlySource == null || onlySource == source) {
        endpoints.context(source);
      }
    }
    return endpoints.found;
  }

  private void add(Endpoint endpoint) {
    if (budget.endpoint()) {
      found.add(endpoint);
    } else {
      stopped = true;
    }
  }

  /** A word of memory; 0 outside memory, or once the budget is used up. */
  private long word(long address) {
    stopped |= !budget.read();
    if (stopped) {
      return 0;
    }
    int run = memory.find(address);
    return run < 0 ? 0 : memory.load(run, address);
  }

  private void context(int source) {
    // Both halves of a scalable root entry are built as a legacy one is.
    long half = scalable && (source & 0x80) != 0 ? 8 : 0;
    long rootEntry = word(root + (source >> 8) * 16L + half);
    if (!RootEntry.P.in(rootEntry)) {
      return;
    }
    int index = source & (scalable ? 0x7f : 0xff);
    int bytes = (scalable ? ScalableContextEntry.STRUCTURE : ContextEntry.STRUCTURE).bytes();
    long entry = (rootEntry & RootEntry.CTP.mask()) + (long) index * bytes;
    long low = word(entry);
    long high = word(entry + 8);
    if (!ContextEntry.P.in(low)) {
      return;
    }
    if (scalable) {
      pasids(source, low, high);
    } else {
      legacy(source, low, high);
    }
  }

  private void legacy(int source, long low, long high) {
    int type = (int) ContextEntry.TT.get(low);
    int aw = (int) ContextEntry.AW.get(high);
    boolean walks = type < 2;
    String text =
        switch (type) {
          case 2 -> "legacy, pass-through";
          case 3 -> "legacy, reserved translation type";
          default -> "legacy, second stage, %d levels".formatted(aw + 2);
        };
    add(
        new Endpoint(
            source,
            -1,
            (int) ContextEntry.DID.get(high),
            text,
            false,
            walks,
            walks ? low & ContextEntry.SSPTPTR.mask() : 0,
            List.of(low, high)));
  }

  private void pasids(int source, long low, long high) {
    boolean withPasid = ScalableContextEntry.PASIDE.in(low);
    int rid = ridPasid ? (int) ScalableContextEntry.RID_PASID.get(high) : 0;
    int directories = 1 << (int) ScalableContextEntry.PDTS.get(low) + 7;
    for (int i = 0; i < directories && !stopped; i++) {
      long directory = word((low & ScalableContextEntry.PASIDDIRPTR.mask()) + i * 8L);
      if (!PasidDirectoryEntry.P.in(directory)) {
        continue;
      }
      for (int j = 0; j < 64 && !stopped; j++) {
        int pasid = i << 6 | j;
        long at = (directory & PasidDirectoryEntry.SMPTBLPTR.mask()) + j * 64L;
        if (PasidTableEntry.P.in(word(at))) {
          if (pasid == rid) {
            add(endpoint(source, -1, at));
          }
          if (withPasid) {
            add(endpoint(source, pasid, at));
          }
        }
      }
    }
  }

  private Endpoint endpoint(int source, int pasid, long at) {
    long word0 = word(at);
    long word1 = word(at + 8);
    long word2 = word(at + 16);
    int type = (int) PasidTableEntry.PGTT.get(word0);
    int aw = (int) PasidTableEntry.AW.get(word0);
    boolean five = PasidTableEntry.FSPM.get(word2) == 1;
    boolean first = type == 1 || type == 3;
    String text =
        switch (type) {
          case 1 -> "first stage, %d levels".formatted(five ? 5 : 4);
          case 2 -> "second stage, %d levels".formatted(aw + 2);
          case 3 ->
              "nested, first stage %d levels over second stage %d levels"
                  .formatted(five ? 5 : 4, aw + 2);
          case 4 -> "pass-through";
          default -> "reserved translation type " + type;
        };
    return new Endpoint(
        source,
        pasid,
        (int) PasidTableEntry.DID.get(word1),
        "scalable, " + text,
        type == 3,
        first || type == 2,
        first
            ? word2 & PasidTableEntry.FSPTPTR.mask()
            : type == 2 ? word0 & PasidTableEntry.SSPTPTR.mask() : 0,
        List.of(word0, word1, word2, pasid < 0 ? 0L : 1L));
  }
}
