package dev.nestwalk.teach;

import dev.nestwalk.memory.GuestMemory;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Lists the present contexts in VT-d tables: root, context, PASID directory and PASID entries (VT-d
 * 9.1 to 9.6). It only finds them; the walker decides whether they are legal.
 */
final class VtdEndpoints {
  private static final long PAGE = 0x000f_ffff_ffff_f000L;

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
    this.scalable = (rtaddr >>> 10 & 3) == 1;
    this.ridPasid = (registers.getOrDefault("ECAP", 0L) >>> 49 & 1) == 1;
    this.root = rtaddr & PAGE;
  }

  /**
   * Lists all endpoints, or those of one requester id.
   *
   * @param onlySource requester id, or -1 for all
   */
  static List<Endpoint> list(
      GuestMemory memory, Map<String, Long> registers, int onlySource, Budget budget) {
    VtdEndpoints endpoints = new VtdEndpoints(memory, registers, budget);
    for (int source = 0; source < 1 << 16 && !endpoints.stopped; source++) {
      if (onlySource < 0 || onlySource == source) {
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
    long half = scalable && (source & 0x80) != 0 ? 8 : 0;
    long rootEntry = word(root + (source >> 8) * 16L + half);
    if ((rootEntry & 1) == 0) {
      return;
    }
    long entry = (rootEntry & PAGE) + (scalable ? (source & 0x7f) * 32L : (source & 0xff) * 16L);
    long low = word(entry);
    long high = word(entry + 8);
    if ((low & 1) == 0) {
      return;
    }
    if (scalable) {
      pasids(source, low, high);
    } else {
      legacy(source, low, high);
    }
  }

  private void legacy(int source, long low, long high) {
    int type = (int) (low >>> 2) & 3;
    int aw = (int) high & 7;
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
            (int) (high >>> 8) & 0xffff,
            text,
            false,
            walks,
            walks ? low & PAGE : 0,
            List.of(low, high)));
  }

  private void pasids(int source, long low, long high) {
    boolean withPasid = (low & 8) != 0;
    int rid = ridPasid ? (int) high & 0xfffff : 0;
    int directories = 1 << ((int) (low >>> 9 & 7) + 7);
    for (int i = 0; i < directories && !stopped; i++) {
      long directory = word((low & PAGE) + i * 8L);
      if ((directory & 1) == 0) {
        continue;
      }
      for (int j = 0; j < 64 && !stopped; j++) {
        int pasid = i << 6 | j;
        long at = (directory & PAGE) + j * 64L;
        if ((word(at) & 1) != 0) {
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
    int type = (int) (word0 >>> 6) & 7;
    int aw = (int) (word0 >>> 2) & 7;
    boolean five = (word2 >>> 2 & 3) == 1;
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
        (int) word1 & 0xffff,
        "scalable, " + text,
        type == 3,
        first || type == 2,
        first ? word2 & PAGE : type == 2 ? word0 & PAGE : 0,
        List.of(word0, word1, word2, pasid < 0 ? 0L : 1L));
  }
}
