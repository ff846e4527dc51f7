package dev.nestwalk.teach.exercises;

import dev.nestwalk.fixtures.Chance;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;

/** Questions about which invalidation is needed, and what an invalidation drops. */
final class InvalidationKinds {
  /** Every invalidation of translations that names a part of a machine. */
  private static List<Invalidation> translations(Format format, WarmMachine machine) {
    List<Invalidation> all = new ArrayList<>();
    boolean vtd = format == Format.VTD;
    all.add(vtd ? Invalidation.iotlbGlobal() : Invalidation.all());
    for (WarmMachine.Requester requester : machine.requesters) {
      int major = requester.major();
      int minor = requester.minor();
      if (vtd) {
        all.add(Invalidation.iotlbDomain(major));
      } else {
        all.add(requester.first() ? Invalidation.stage1All(major) : Invalidation.vmid(major));
      }
      if (requester.first()) {
        all.add(vtd ? Invalidation.pasidIotlb(major, minor) : Invalidation.asid(major, minor));
      }
      for (long page : machine.pages) {
        if (requester.first()) {
          all.add(
              vtd
                  ? Invalidation.pasidPage(major, minor, page, 0)
                  : Invalidation.va(major, minor, page));
        } else {
          all.add(vtd ? Invalidation.iotlbPage(major, page, 0) : Invalidation.ipa(major, page));
        }
      }
    }
    return all.stream().distinct().toList();
  }

  /** A choice in which the smallest invalidation that drops enough is right. */
  private static Exercise smallest(
      Draft draft,
      Chance chance,
      Function<Invalidation, Set<Integer>> effect,
      List<Invalidation> all,
      Set<Integer> needed) {
    int least = Integer.MAX_VALUE;
    List<Set<Integer>> dropped = new ArrayList<>();
    for (Invalidation invalidation : all) {
      Set<Integer> these = effect.apply(invalidation);
      dropped.add(these);
      if (these.containsAll(needed)) {
        least = Math.min(least, these.size());
      }
    }
    String right = "";
    List<String> larger = new ArrayList<>();
    List<String> useless = new ArrayList<>();
    for (int i = 0; i < all.size(); i++) {
      boolean suffices = dropped.get(i).containsAll(needed);
      if (suffices && dropped.get(i).size() == least) {
        // Equally small ones are equally right, so only the first of them is an option.
        right = right.isEmpty() ? all.get(i).name() : right;
      } else {
        (suffices ? larger : useless).add(all.get(i).name());
      }
    }
    List<String> wrong = new ArrayList<>(Draft.shuffled(chance, larger));
    while (wrong.size() > 2) {
      wrong.removeLast();
    }
    List<String> others = Draft.shuffled(chance, useless);
    wrong.addAll(others.subList(0, Math.min(others.size(), 3 - wrong.size())));
    for (int i = 0; i < all.size(); i++) {
      String name = all.get(i).name();
      if (name.equals(right) || wrong.contains(name)) {
        draft.step(
            dropped.get(i).containsAll(needed)
                ? "%s: suffices; drops %d where %d are needed."
                    .formatted(name, dropped.get(i).size(), needed.size())
                : name + ": does not suffice.");
      }
    }
    return draft.choice(chance, right, wrong);
  }

  static Exercise smallestInvalidation(Draft draft, Chance chance, Arena arena) {
    Format format = draft.format();
    WarmMachine machine = WarmMachine.of(chance, arena, format, WarmMachine.twoPages(chance));
    WarmMachine.Requester changed = machine.requesters.get(chance.below(machine.requesters.size()));
    boolean page = chance.percent(60);
    long address = machine.pages[chance.below(machine.pages.length)];
    Set<Integer> needed = new TreeSet<>();
    for (int i = 0; i < machine.items.size(); i++) {
      WarmMachine.Item item = machine.items.get(i);
      boolean same =
          item.requester().major() == changed.major()
              && item.requester().minor() == changed.minor();
      if (same && (!page || item.page() == address)) {
        needed.add(i);
      }
    }
    machine
        .tell(draft)
        .fact("tables that changed", changed.source(), "those of " + changed.label(format))
        .fact("what changed", address, page ? "the entry of " + Text.hex(address) : "all of it")
        .ask(
            "Translations of these tables must no longer be used. Which of these is the smallest"
                + " invalidation that suffices?");
    return smallest(draft, chance, machine::dropped, translations(format, machine), needed);
  }

  static Exercise configurationInvalidation(Draft draft, Chance chance, Arena arena) {
    Format format = draft.format();
    boolean vtd = draft.isVtd();
    WarmMachine machine = WarmMachine.of(chance, arena, format, WarmMachine.twoPages(chance));
    List<WarmMachine.Requester> requesters = machine.requesters;
    WarmMachine.Requester changed = requesters.get(chance.below(requesters.size()));
    boolean entry = changed.first() && chance.percent(60);
    List<Invalidation> all = new ArrayList<>();
    all.add(vtd ? Invalidation.contextGlobal() : Invalidation.configurationAll());
    for (WarmMachine.Requester requester : requesters) {
      if (vtd && entry) {
        all.add(Invalidation.pasidCacheDomain(requester.major()));
        all.add(Invalidation.pasidCacheGlobal());
        if (requester.first()) {
          all.add(Invalidation.pasidCache(requester.major(), requester.minor()));
        }
      } else if (vtd) {
        all.add(Invalidation.contextDevice(requester.source()));
      } else {
        all.add(Invalidation.ste(requester.source()));
      }
      if (!vtd && entry && requester.first()) {
        all.add(Invalidation.cd(requester.source(), 0));
      }
    }
    Set<Integer> needed = new TreeSet<>();
    for (int i = 0; i < requesters.size(); i++) {
      WarmMachine.Requester requester = requesters.get(i);
      boolean same =
          requester.source() == changed.source()
              && (!entry || requester.minor() == changed.minor());
      if (same) {
        needed.add(i);
      }
    }
    String what =
        vtd
            ? entry ? "the PASID table entry of " : "the context entry of "
            : entry ? "the CD of " : "the STE of ";
    String who = vtd && !entry ? Text.bdf(changed.source()) : changed.label(format);
    machine
        .tell(draft)
        .fact("what changed", changed.source(), what + who)
        .ask(
            "The cached copy of this structure must no longer be used. Which of these is the"
                + " smallest invalidation that drops it?");
    // If a stream is the only user of a CD, invalidating the STE drops the same; leave it out.
    List<Invalidation> options =
        all.stream()
            .distinct()
            .filter(i -> !(entry && !vtd && i.equals(Invalidation.ste(changed.source()))))
            .toList();
    return smallest(
        draft,
        chance,
        invalidation -> machine.droppedConfigurations(invalidation, entry),
        options,
        needed);
  }

  static Exercise whatIsDropped(Draft draft, Chance chance, Arena arena) {
    Format format = draft.format();
    WarmMachine machine = WarmMachine.of(chance, arena, format, WarmMachine.twoPages(chance));
    List<Invalidation> all = translations(format, machine);
    Invalidation one = all.get(1 + chance.below(all.size() - 1));
    List<String> options = machine.items.stream().map(item -> item.label(format)).toList();
    List<String> right = machine.dropped(one).stream().map(options::get).toList();
    return machine
        .tell(draft)
        .word(draft.isVtd() ? "descriptor, bits 63:0" : "command, word 0", one.low())
        .word(draft.isVtd() ? "descriptor, bits 127:64" : "command, word 1", one.high())
        .ask("Which cached translations does it drop? Tick them.")
        .step("It is " + one.name() + ".")
        .several(options, right);
  }

  static Exercise addressMask(Draft draft, Chance chance, Arena arena) {
    long first = 0x1_0000_0000L + ((long) chance.below(1 << 14) << 12);
    int count = 2 + chance.below(60);
    long last = first + 4096L * (count - 1);
    WarmMachine machine = WarmMachine.of(chance, arena, Format.VTD, first, last);
    WarmMachine.Requester second = machine.requesters.get(2);
    int mask = 0;
    while (!dropsAll(machine, second, Invalidation.iotlbPage(second.major(), first, mask))) {
      mask++;
    }
    return draft
        .about(machine.subject())
        .ask(
            "One page-selective IOTLB descriptor is to cover all of these pages. Which is the"
                + " smallest AM?")
        .hex("first page", first)
        .hex("last page", last)
        .step("A descriptor covers 2^AM pages, aligned to their number.")
        .step(
            "The addresses %s and %s differ up to bit %d, so AM is %d."
                .formatted(
                    Text.hex(first),
                    Text.hex(last),
                    63 - Long.numberOfLeadingZeros(first ^ last),
                    mask))
        .value(mask, Answer.Style.COUNT);
  }

  private static boolean dropsAll(
      WarmMachine machine, WarmMachine.Requester requester, Invalidation invalidation) {
    Set<Integer> dropped = machine.dropped(invalidation);
    for (int i = 0; i < machine.items.size(); i++) {
      if (machine.items.get(i).requester().equals(requester) && !dropped.contains(i)) {
        return false;
      }
    }
    return true;
  }

  static Exercise rangeCommand(Draft draft, Chance chance, Arena arena) {
    int scale = chance.below(6);
    int wanted = chance.below(32);
    long count = (wanted + 1L << scale) - (scale == 0 ? 0 : chance.below(1 << scale));
    long first = 0x1_0000_0000L + ((long) chance.below(1 << 14) << 12);
    long last = first + 4096L * (count - 1);
    WarmMachine machine =
        count == 1
            ? WarmMachine.of(chance, arena, Format.SMMUV3, first)
            : WarmMachine.of(chance, arena, Format.SMMUV3, first, last);
    WarmMachine.Requester one = machine.requesters.get(0);
    int num = 31;
    // A larger range covers more and drops more, so bisection finds the smallest.
    for (int least = 0; least < num; ) {
      int middle = (least + num) / 2;
      Invalidation tried = Invalidation.vaRange(one.major(), one.minor(), first, middle, scale);
      if (dropsAll(machine, one, tried)) {
        num = middle;
      } else {
        least = middle + 1;
      }
    }
    return draft
        .about(machine.subject())
        .ask(
            "One CMD_TLBI_NH_VA by range (TG is 4K) is to cover all of these pages. Which is the"
                + " smallest NUM?")
        .hex("first page", first)
        .count("pages of 4K", count)
        .count("SCALE", scale)
        .step("The range has (NUM + 1) * 2^SCALE granules from the first page on.")
        .step("%d / 2^%d, rounded up, less 1.".formatted(count, scale))
        .value(num, Answer.Style.COUNT);
  }

  static Exercise descriptorWord(Draft draft, Chance chance, Arena arena) {
    Format format = draft.format();
    WarmMachine machine = WarmMachine.of(chance, arena, format, WarmMachine.twoPages(chance));
    List<Invalidation> all = translations(format, machine);
    Invalidation one = all.get(1 + chance.below(all.size() - 1));
    int dropped = machine.dropped(one).size();
    if (dropped == 0) {
      throw new IllegalStateException(one + " drops nothing");
    }
    return draft
        .about(machine.subject())
        .fact("what to invalidate", 0, one.name())
        .ask(
            draft.isVtd()
                ? "Which value have bits 63:0 of the descriptor? Nothing is drained."
                : "Which value has word 0 of the command?")
        .step(
            draft.isVtd()
                ? "Type in bits 3:0 (2 IOTLB, 6 PASID-based IOTLB), granularity in bits 5:4"
                    + " (1 global, 2 domain or PASID, 3 pages), domain in bits 31:16, PASID in"
                    + " bits 51:32. The page and AM are in the other half."
                : "Opcode in bits 7:0 (10 NH_ALL, 11 NH_ASID, 12 NH_VA, 28 S12_VMALL, 2a S2_IPA,"
                    + " hexadecimal), VMID in bits 47:32, ASID in bits 63:48. The page is in"
                    + " word 1.")
        .value(one.low(), Answer.Style.HEX);
  }

  private InvalidationKinds() {}
}
