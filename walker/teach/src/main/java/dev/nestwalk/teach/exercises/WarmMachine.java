package dev.nestwalk.teach.exercises;

import dev.nestwalk.Iommu;
import dev.nestwalk.Translator;
import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.Chance;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.smmu.ContextEntry;
import dev.nestwalk.fixtures.smmu.SmmuMachine;
import dev.nestwalk.fixtures.smmu.StreamEntry;
import dev.nestwalk.fixtures.smmu.VmsaTables;
import dev.nestwalk.fixtures.vtd.FirstStageTables;
import dev.nestwalk.fixtures.vtd.PasidEntry;
import dev.nestwalk.fixtures.vtd.SecondStageTables;
import dev.nestwalk.fixtures.vtd.VtdMachine;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/**
 * A machine whose translations are cached. Two requesters have first-stage tables of their own, two
 * share a second stage, and one has another second stage. Each has translated the same pages.
 */
final class WarmMachine {
  private static final int PAGES = 64;

  /** The requester that shares the tables of the one before it. */
  private static final int SHARING = 3;

  private static final CacheOptions CACHES =
      CacheOptions.DEFAULT.withIotlb(1024, 4).withStructures(64, 64, 0).withCounters();

  /**
   * A requester.
   *
   * @param first whether it has first-stage tables; otherwise second-stage ones
   * @param major domain or VMID
   * @param minor PASID or ASID, if it has first-stage tables
   */
  record Requester(int source, int pasid, boolean first, int major, int minor) {
    String label(Format format) {
      if (format == Format.SMMUV3) {
        return "stream " + Text.hex(source);
      }
      return first ? Text.bdf(source) + " PASID " + Text.hex(pasid) : Text.bdf(source);
    }

    String tables(Format format) {
      if (format == Format.SMMUV3) {
        return first
            ? "stage 1, VMID %s, ASID %s".formatted(Text.hex(major), Text.hex(minor))
            : "stage 2, VMID " + Text.hex(major);
      }
      return (first ? "first" : "second") + " stage, domain " + Text.hex(major);
    }
  }

  /** A cached translation. */
  record Item(Requester requester, long page) {
    String label(Format format) {
      return "%s at %s".formatted(requester.label(format), Text.hex(page));
    }
  }

  private final Subject subject;
  private final Format format;
  final List<Requester> requesters;
  final List<Item> items = new ArrayList<>();
  final long[] pages;

  private WarmMachine(Subject subject, List<Requester> requesters, long[] pages) {
    this.subject = subject;
    this.format = subject.format();
    this.requesters = requesters;
    this.pages = pages;
    for (Requester requester : requesters) {
      for (long page : pages) {
        items.add(new Item(requester, page));
      }
    }
  }

  /** Two pages far from one another. */
  static long[] twoPages(Chance chance) {
    long one = 0x1_0000_0000L + ((long) chance.below(1 << 16) << 12);
    return new long[] {one, one + (4L + chance.below(60) << 20) + ((long) chance.below(32) << 12)};
  }

  static WarmMachine of(Chance chance, Arena arena, Format format, long... pages) {
    return format == Format.VTD ? vtd(chance, arena, pages) : smmu(chance, arena, pages);
  }

  private static WarmMachine vtd(Chance chance, Arena arena, long[] pages) {
    TableMemory host = new TableMemory(arena).run(Scenes.somewhere(chance, 38, 20), PAGES);
    VtdMachine machine = new VtdMachine(host).scalable();
    // PSI, MAMV = 18.
    machine.register("CAP", VtdMachine.CAP | 1L << 39 | 18L << 48);
    List<Requester> requesters = new ArrayList<>();
    int source = VtdScenes.source(chance) & ~7;
    int domain = 1 + chance.below(200);
    for (int i = 0; i < 2; i++) {
      int pasid = 1 + chance.below(30) + 31 * i;
      FirstStageTables first = new FirstStageTables(host, 4);
      for (long page : pages) {
        first.map(page, Scenes.somewhere(chance, 44, 12), 12, VtdScenes.FIRST_PAGE);
      }
      PasidEntry entry = PasidEntry.firstStage(4, first.root()).walkSnoop();
      machine.pasid(source, pasid, entry.domain(domain));
      requesters.add(new Requester(source, pasid, true, domain, pasid));
    }
    SecondStageTables shared = new SecondStageTables(host, 3);
    SecondStageTables other = new SecondStageTables(host, 3);
    for (long page : pages) {
      shared.map(page, Scenes.somewhere(chance, 44, 12), 12, VtdScenes.SECOND_PAGE);
      other.map(page, Scenes.somewhere(chance, 44, 12), 12, VtdScenes.SECOND_PAGE);
    }
    for (int i = 1; i <= 3; i++) {
      SecondStageTables second = i < 3 ? shared : other;
      int id = domain + (i < 3 ? 1 : 2);
      PasidEntry entry = PasidEntry.secondStage(1, second.root()).walkSnoop();
      machine.pasid(source + i, 0, entry.domain(id));
      requesters.add(new Requester(source + i, -1, false, id, -1));
    }
    Subject.Request request = new Subject.Request(source, -1, pages[0], Access.READ);
    Subject subject = new Subject(Format.VTD, machine.registers(), request, List.of()).with(host);
    return new WarmMachine(subject, requesters, pages);
  }

  private static WarmMachine smmu(Chance chance, Arena arena, long[] pages) {
    TableMemory host = new TableMemory(arena).run(Scenes.somewhere(chance, 38, 20), PAGES);
    SmmuMachine machine = new SmmuMachine(host);
    // RIL: invalidations by range.
    machine.register("IDR3", SmmuMachine.IDR3 | 1L << 10);
    List<Requester> requesters = new ArrayList<>();
    int stream = 1 + chance.below(40);
    int vmid = 1 + chance.below(200);
    int asid = 1 + chance.below(200);
    for (int i = 0; i < 2; i++) {
      VmsaTables first = new VmsaTables(host, 12, 1, 39);
      for (long page : pages) {
        // Not global.
        first.map(page, Scenes.somewhere(chance, 44, 12), 3, SmmuScenes.FIRST_PAGE | 1L << 11);
      }
      long contexts = host.allocate();
      ContextEntry entry = new ContextEntry(48).lower(first);
      for (int bit = 0; bit < 16; bit++) {
        entry = (asid + i >> bit & 1) == 1 ? entry.set(48 + bit) : entry;
      }
      machine.context(contexts, entry);
      machine.stream(stream + i, new StreamEntry(5).stage1(contexts, 0, 0, 0));
      requesters.add(new Requester(stream + i, -1, true, 0, asid + i));
    }
    VmsaTables shared = new VmsaTables(host, 12, 1, 39);
    VmsaTables other = new VmsaTables(host, 12, 1, 39);
    for (long page : pages) {
      shared.map(page, Scenes.somewhere(chance, 44, 12), 3, SmmuScenes.SECOND_PAGE);
      other.map(page, Scenes.somewhere(chance, 44, 12), 3, SmmuScenes.SECOND_PAGE);
    }
    for (int i = 2; i <= 4; i++) {
      int id = i < 4 ? vmid : vmid + 1;
      StreamEntry entry = new StreamEntry(6).stage2(i < 4 ? shared : other, 48);
      for (int bit = 0; bit < 16; bit++) {
        entry = (id >> bit & 1) == 1 ? entry.set(128 + bit) : entry;
      }
      machine.stream(stream + i, entry);
      requesters.add(new Requester(stream + i, -1, false, id, -1));
    }
    Subject.Request request = new Subject.Request(stream, -1, pages[0], Access.READ);
    Subject subject =
        new Subject(Format.SMMUV3, machine.registers(), request, List.of()).with(host);
    return new WarmMachine(subject, requesters, pages);
  }

  Subject subject() {
    return subject;
  }

  /** Indices of the cached translations that an invalidation drops, in order. */
  Set<Integer> dropped(Invalidation invalidation) {
    Set<Integer> dropped = new TreeSet<>();
    // Two requesters share tables, and the first of them to translate would cache what both have
    // lost; so the second gets caches of its own.
    for (boolean second : new boolean[] {false, true}) {
      Iommu iommu = subject.iommu();
      Translator translator = iommu.newTranslator(CACHES);
      items.forEach(item -> isMissed(translator, item));
      submit(iommu, invalidation);
      for (int i = 0; i < items.size(); i++) {
        Item item = items.get(i);
        boolean asked = item.requester.equals(requesters.get(SHARING)) == second;
        if (asked && isMissed(translator, item)) {
          dropped.add(i);
        }
      }
    }
    return dropped;
  }

  /**
   * The requesters whose configuration an invalidation drops: their structure is made not present,
   * and their next request notices it.
   *
   * @param entry whether this is done to the PASID table entry or CD, rather than the context entry
   *     or STE
   */
  Set<Integer> droppedConfigurations(Invalidation invalidation, boolean entry) {
    Set<Integer> dropped = new TreeSet<>();
    for (int i = 0; i < requesters.size(); i++) {
      Requester requester = requesters.get(i);
      long place = structure(requester, entry);
      long word = subject.word(place);
      Iommu iommu = subject.iommu();
      Translator translator = iommu.newTranslator(CACHES);
      translator.translate(requester.source, requester.pasid, pages[0], Access.READ);
      boolean cd = format == Format.SMMUV3 && entry && requester.first;
      subject.put(place, word & ~(cd ? 1L << 31 : 1L));
      submit(iommu, invalidation);
      long answer = translator.translate(requester.source, requester.pasid, pages[0], Access.READ);
      subject.put(place, word);
      if (Translation.isFault(answer)) {
        dropped.add(i);
      }
    }
    return dropped;
  }

  private long structure(Requester requester, boolean entry) {
    boolean vtd = format == Format.VTD;
    String outer = vtd ? "context entry" : "STE of";
    String inner = vtd ? "PASID table entry" : requester.first ? "CD " : "STE of";
    Subject.Request request =
        new Subject.Request(requester.source, requester.pasid, pages[0], Access.READ);
    return subject.trace(request).steps().stream()
        .filter(step -> step.title().startsWith(entry ? inner : outer) && !step.read().isEmpty())
        .findFirst()
        .orElseThrow()
        .host();
  }

  private void submit(Iommu iommu, Invalidation invalidation) {
    int error =
        format == Format.VTD
            ? iommu.vtdInvalidations().submit(invalidation.low(), invalidation.high(), 0, 0)
            : iommu.smmuInvalidations().submit(invalidation.low(), invalidation.high());
    if (error != 0) {
      throw new IllegalStateException(invalidation + ": error " + error);
    }
  }

  private static boolean isMissed(Translator translator, Item item) {
    long misses = translator.counters().misses();
    Requester requester = item.requester;
    long answer = translator.translate(requester.source, requester.pasid, item.page, Access.READ);
    if (Translation.isFault(answer)) {
      throw new IllegalStateException(item + ": " + Translation.describe(answer));
    }
    return translator.counters().misses() != misses;
  }

  /** Adds the requesters and pages to the question. */
  Draft tell(Draft draft) {
    draft.about(subject);
    for (Requester requester : requesters) {
      draft.fact(requester.label(format), requester.major(), requester.tables(format));
    }
    StringBuilder list = new StringBuilder();
    for (long page : pages) {
      list.append(list.isEmpty() ? "" : ", ").append(Text.hex(page));
    }
    return draft.fact("cached for each of them", pages.length, list.toString());
  }
}
