package dev.nestwalk.teach.exercises;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.explain.Step;
import dev.nestwalk.fixtures.Chance;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.vtd.FirstStageTables;
import dev.nestwalk.fixtures.vtd.PasidEntry;
import dev.nestwalk.fixtures.vtd.VtdMachine;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;

/** Questions about which request is refused, considering privilege and execution. */
final class Permissions {
  private static final int[] REQUESTS = {
    Access.READ,
    Access.WRITE,
    Access.READ | Access.EXECUTE,
    Access.READ | Access.PRIVILEGED,
    Access.WRITE | Access.PRIVILEGED,
    Access.READ | Access.EXECUTE | Access.PRIVILEGED,
  };

  private static Subject vtd(Draft draft, Chance chance, Arena arena) {
    TableMemory host = VtdScenes.hostMemory(chance, arena);
    VtdMachine machine = new VtdMachine(host).scalable();
    FirstStageTables first = new FirstStageTables(new Scenes.Scattered(chance, host), 4);
    Geometry geometry = VtdScenes.geometry(1, 4, first.root());
    long address = VtdScenes.address(chance, geometry);
    long flags = FirstStageTables.P | FirstStageTables.A | FirstStageTables.D;
    flags |= chance.percent(60) ? FirstStageTables.RW : 0;
    flags |= chance.percent(70) ? FirstStageTables.US : 0;
    boolean noExecute = chance.percent(70);
    flags |= noExecute && chance.percent(40) ? FirstStageTables.XD : 0;
    first.map(address, Scenes.somewhere(chance, 44, 12), 12, flags);
    PasidEntry entry =
        PasidEntry.firstStage(4, first.root()).walkSnoop().supervisorRequests().executeRequests();
    boolean protect = chance.percent(50);
    boolean smep = chance.percent(50);
    entry = protect ? entry.writeProtect() : entry;
    entry = noExecute ? entry.noExecute() : entry;
    entry = smep ? entry.smep() : entry;
    int source = VtdScenes.source(chance);
    int pasid = 1 + chance.below(60);
    machine.pasid(source, pasid, entry);
    draft
        .count("WPE", protect ? 1 : 0)
        .count("NXE", noExecute ? 1 : 0)
        .count("SMEP", smep ? 1 : 0)
        .count("SRE and ERE", 1);
    Subject.Request request = new Subject.Request(source, pasid, address, Access.READ);
    return new Subject(Format.VTD, machine.registers(), request, List.of(geometry)).with(host);
  }

  private static Subject smmu(Draft draft, Chance chance, Arena arena) {
    Subject subject = SmmuScenes.first(chance, arena, 12, 39, false);
    subject = subject.asking(subject.request().asking(Access.READ));
    List<Step> reads = Subject.reads(subject.trace());
    Step leaf = reads.get(reads.size() - 1);
    long word = leaf.read().get(0) & ~(3L << 6 | 3L << 53);
    subject.put(leaf.host(), word | chance.some(3L << 6 | 3L << 53, 45));
    long context = Addresses.contextAddress(subject);
    boolean wxn = chance.percent(30);
    boolean pan = chance.percent(40);
    long bits = (wxn ? 1L << 36 : 0) | (pan ? 1L << 40 : 0);
    subject.put(context, subject.word(context) | bits);
    draft.count("CD.WXN", wxn ? 1 : 0).count("CD.PAN", pan ? 1 : 0);
    return subject;
  }

  static Exercise refusedRequest(Draft draft, Chance chance, Arena arena) {
    while (true) {
      Draft attempt = new Draft(draft.kind(), draft.format());
      Subject subject = draft.isVtd() ? vtd(attempt, chance, arena) : smmu(attempt, chance, arena);
      List<String> refused = new ArrayList<>();
      List<String> served = new ArrayList<>();
      for (int access : REQUESTS) {
        long answer = subject.trace(subject.request().asking(access)).translation();
        (Translation.isFault(answer) ? refused : served).add(Text.access(access));
      }
      boolean asksRefused = refused.size() < served.size();
      List<String> few = asksRefused ? refused : served;
      List<String> many = asksRefused ? served : refused;
      if (!few.isEmpty() && many.size() >= 3) {
        String right = few.get(chance.below(few.size()));
        return finish(attempt, chance, subject, asksRefused, right, many);
      }
    }
  }

  private static Exercise finish(
      Draft draft,
      Chance chance,
      Subject subject,
      boolean asksRefused,
      String right,
      List<String> wrong) {
    List<Step> reads = new ArrayList<>();
    // A walk that succeeds shows the leaf.
    for (int access : REQUESTS) {
      List<Step> these = Subject.reads(subject.trace(subject.request().asking(access)));
      reads = these.size() > reads.size() ? these : reads;
    }
    Step leaf = reads.get(reads.size() - 1);
    return draft
        .about(subject)
        .word("leaf, level " + leaf.level(), subject.word(leaf.host()))
        .fact("entries above", 1, "allow everything")
        .fact("asked for", asksRefused ? 1 : 0, asksRefused ? "refused" : "served")
        .ask(
            "Exactly one of these requests is %s. Which?"
                .formatted(asksRefused ? "refused" : "served"))
        .step(
            draft.isVtd()
                ? "U/S=0 keeps user requests out. R/W=0 keeps user writes out, privileged ones only"
                    + " with WPE. XD stops execution with NXE; SMEP that of user pages by"
                    + " privileged requests."
                : "AP[1] admits unprivileged requests, AP[2] makes read-only. UXN and PXN stop"
                    + " execution; privileged execution also stops where unprivileged may write."
                    + " WXN: what can be written is not executed. PAN: no privileged data access"
                    + " where unprivileged is allowed.")
        .choice(chance, right, wrong);
  }

  private Permissions() {}
}
