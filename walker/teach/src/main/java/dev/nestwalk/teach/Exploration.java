package dev.nestwalk.teach;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import dev.nestwalk.Iommu;
import dev.nestwalk.MappingScan;
import dev.nestwalk.Translator;
import dev.nestwalk.cache.CacheCounters;
import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.explain.Step;
import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.memory.OverlayMemory;
import dev.nestwalk.region.Policy;
import dev.nestwalk.region.RegionSet;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.Writer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Answers the requests of the explorer's page. Changes go to an overlay of the image. A translator
 * with caches lives as long as the exploration and, like hardware, is not told of changes.
 *
 * <p>Threads: belongs to the server's.
 */
public final class Exploration {
  /** Number of words that one request may ask for. */
  private static final int MOST_WORDS = 512;

  /** Number of changed words that are kept. */
  private static final int MOST_CHANGES = 4096;

  /** Time limit for the list of requesters. */
  private static final int LIST_SECONDS = 2;

  private static final long CHOICE_NANOS = 500_000_000;

  private static final int SCAN_RANGES = 256;
  private static final long SCAN_NANOS = 300_000_000;
  private static final int ENTRIES = 1024;

  /** Time limit for the choice of the requester to begin with. */
  private static final int CHOICE_SECONDS = 1;

  private final UnitRegisters unit;
  private final GuestMemory below;
  private final OverlayMemory memory;
  private final Guards guards;
  private Iommu iommu;

  /** Belongs to the thread of the first request; null until then. */
  private @Nullable Translator translator;

  private CacheOptions options = CacheOptions.DEFAULT.withCounters();
  private String restricted = "";

  /**
   * Begins an exploration.
   *
   * @param below the image's memory, which is not changed
   * @param guards reserved regions to explore with
   */
  public Exploration(Image image, GuestMemory below, Guards guards) {
    unit = new UnitRegisters(image);
    this.below = below;
    this.guards = guards;
    memory = new OverlayMemory(below);
    iommu = Walker.iommu(image, memory);
  }

  /** The image with the present registers. */
  private Image image() {
    return unit.image();
  }

  /** The requesters; the one to begin with is {@code selected}. */
  JsonArray endpoints() {
    JsonArray list = new JsonArray();
    Budget budget = Budget.ofSeconds(LIST_SECONDS);
    List<Endpoint> all = Endpoints.list(image(), memory, null, budget);
    Chosen chosen = chosen(all);
    for (Endpoint endpoint : all) {
      JsonObject one = new JsonObject();
      one.addProperty("source_id", "0x%04x".formatted(endpoint.sourceId()));
      one.addProperty("pasid", endpoint.pasid() < 0 ? "" : Numbers.hex(endpoint.pasid()));
      one.addProperty("type", endpoint.type());
      if (chosen != null && endpoint.equals(chosen.endpoint())) {
        one.addProperty("selected", true);
        one.addProperty("first", Numbers.hex(chosen.first()));
      } else {
        one.addProperty("selected", false);
      }
      list.add(one);
    }
    for (String reason : budget.stopped()) {
      JsonObject one = new JsonObject();
      one.addProperty("stopped", reason);
      list.add(one);
    }
    return list;
  }

  /** The requester to begin with, and an address that it may use. */
  private record Chosen(Endpoint endpoint, long first) {}

  /** The first requester whose tables map something, or else the first that passes through. */
  private @Nullable Chosen chosen(List<Endpoint> all) {
    Budget budget = Budget.ofSeconds(CHOICE_SECONDS);
    for (Endpoint endpoint : all) {
      if (!budget.walk()) {
        break;
      }
      List<MappingScan.Mapping> mapped =
          scan(endpoint, 0, Budget.ofRanges(1, CHOICE_NANOS)).ranges();
      if (!mapped.isEmpty()) {
        return new Chosen(endpoint, mapped.get(0).first());
      }
    }
    for (Endpoint endpoint : all) {
      if (endpoint.type().endsWith("pass-through")) {
        return new Chosen(endpoint, 0);
      }
    }
    return all.isEmpty() ? null : new Chosen(all.get(0), 0);
  }

  private RangeScan.Found scan(Endpoint endpoint, long from, Budget budget) {
    // Flags that a scan sets do not count as changes by the page.
    Iommu scanned = Walker.iommu(image(), new OverlayMemory(memory));
    RangeScan scan =
        new RangeScan(
            image(),
            scanned.mappings(),
            Walker.uncached(scanned),
            endpoint,
            new Progress(new PrintWriter(Writer.nullWriter())),
            budget);
    scan.from(from).advance(Long.MAX_VALUE);
    return scan.found();
  }

  /** The walk now, the walk in the original image if anything was changed, and the caches' view. */
  JsonObject walk(ApiRequest asked) throws ApiRequest.Refusal {
    Explanation.Request request = asked.dma(image().isVtd());
    Guard guard = guard(asked, request);
    Explanation walk = Explanation.of(image(), memory, guard, request);
    JsonObject answer = new JsonObject();
    answer.add("walk", TraceWriter.of(walk));
    if (isChanged()) {
      Explanation before = Explanation.of(unit.original(), below, guard, request);
      answer.add("original", TraceWriter.of(before));
      answer.addProperty("differs", differs(walk, before));
    }
    answer.add("cached", cached(request, guard, walk));
    answer.add("changes", changes());
    answer.add("register_changes", unit.changes());
    return answer;
  }

  private boolean isChanged() {
    return unit.isChanged() || !memory.changes().isEmpty();
  }

  /** Index of the first step in which two walks differ, -1 if none does. */
  private static int differs(Explanation one, Explanation other) {
    List<Step> steps = one.trace().steps();
    List<Step> others = other.trace().steps();
    int most = Math.max(steps.size(), others.size());
    for (int i = 0; i < most; i++) {
      if (i >= steps.size() || i >= others.size() || !steps.get(i).equals(others.get(i))) {
        return i;
      }
    }
    return -1;
  }

  /** The walk as {@code explain --format json} prints it. */
  String json(ApiRequest asked) throws ApiRequest.Refusal {
    Explanation.Request request = asked.dma(image().isVtd());
    return TraceWriter.text(Explanation.of(image(), memory, guard(asked, request), request));
  }

  /** The walk as a page, beside the original image's walk if anything was changed. */
  String page(ApiRequest asked) throws ApiRequest.Refusal, IOException {
    Explanation.Request request = asked.dma(image().isVtd());
    Guard guard = guard(asked, request);
    List<Explanation> walks = new ArrayList<>();
    walks.add(Explanation.of(image(), memory, guard, request));
    if (isChanged()) {
      walks.add(Explanation.of(unit.original(), below, guard, request));
    }
    return WalkPage.of(walks);
  }

  private @Nullable Guard guard(ApiRequest asked, Explanation.Request request)
      throws ApiRequest.Refusal {
    String name = asked.text("policy");
    if (name.isEmpty()) {
      return null;
    }
    try {
      return guard(Policy.named(name), request);
    } catch (IllegalArgumentException | InputException e) {
      throw new ApiRequest.Refusal(400, String.valueOf(e.getMessage()));
    }
  }

  private Guard guard(Policy policy, Explanation.Request request) {
    boolean nested = Endpoints.isNested(image(), memory, request.source(), request.pasid());
    return guards.guard(policy, image().isVtd(), request.pasid(), nested);
  }

  /** The addresses that each policy keeps free, and the result of this request under it. */
  JsonObject policies(ApiRequest asked) throws ApiRequest.Refusal {
    Explanation.Request request = asked.dma(image().isVtd());
    JsonArray all = new JsonArray();
    for (Policy policy : Policy.all()) {
      JsonObject one = new JsonObject();
      one.addProperty("policy", policy.name());
      one.addProperty("says", PolicyWords.of(policy));
      try {
        Guard guard = guard(policy, request);
        one.add("input", TraceWriter.regions(guard.input()));
        one.add("intermediate", TraceWriter.regions(guard.intermediate()));
        Iommu guarded = Walker.iommu(image(), new OverlayMemory(memory));
        guarded.restrict(request.source(), request.pasid(), guard.input(), guard.intermediate());
        one.addProperty("answer", describe(ask(guarded.newUncachedTranslator(), request)));
      } catch (InputException e) {
        one.addProperty("problem", e.getMessage());
      }
      all.add(one);
    }
    JsonObject answer = new JsonObject();
    answer.addProperty("from", guards.from());
    answer.add("policies", all);
    return answer;
  }

  private static long ask(Translator translator, Explanation.Request request) {
    return translator.translate(
        request.source(), request.pasid(), request.iova(), request.access());
  }

  private String describe(long answer) {
    if (Translation.isFault(answer)) {
      int code = Translation.code(answer);
      return "fault 0x%x %s".formatted(code, Faults.mnemonic(image().format(), code));
    }
    return "ok 0x%x %s"
        .formatted(Translation.address(answer), Access.describe(Translation.rights(answer)));
  }

  /** The result of the translator with caches. */
  private JsonObject cached(Explanation.Request request, @Nullable Guard guard, Explanation walk) {
    String wanted = "%d %d %s".formatted(request.source(), request.pasid(), guard);
    if (!wanted.equals(restricted)) {
      iommu.restrict(
          request.source(),
          request.pasid(),
          guard == null ? RegionSet.EMPTY : guard.input(),
          guard == null ? RegionSet.EMPTY : guard.intermediate());
      restricted = wanted;
    }
    Translator remembering = translator();
    long hits = remembering.counters().hits();
    long[] answer = new long[1];
    Map<Long, Long> before = memory.changes();
    List<Long> words = memory.readsOf(() -> answer[0] = ask(remembering, request));
    // Flags that it set would be listed as changes by the user.
    memory.reset(before);
    JsonObject json = new JsonObject();
    json.addProperty("answer", describe(answer[0]));
    json.addProperty("hit", remembering.counters().hits() > hits);
    json.addProperty("entries", CacheView.matched(walk.trace().steps(), words).size());
    json.addProperty("words", words.size());
    json.addProperty("stale", !describe(answer[0]).equals(describe(walk.trace().translation())));
    json.add("totals", totals(remembering.counters()));
    return json;
  }

  /** The counters of the translator since its caches were chosen, with their meanings. */
  private static JsonArray totals(CacheCounters counters) {
    JsonArray all = new JsonArray();
    total(all, counters.hits(), "translations that the IOTLB answered");
    total(all, counters.misses(), "translations that it did not");
    total(all, counters.evictions(), "translations that left the IOTLB to make room");
    total(all, counters.references(), "page-table entries that walks read from memory");
    total(all, counters.firstStageHits(), "walks that began at a cached first-stage table");
    total(all, counters.secondStageHits(), "second-stage walks that began at a cached table");
    total(all, counters.nestedHits(), "second-stage walks that a cached page replaced");
    return all;
  }

  private static void total(JsonArray all, long count, String what) {
    JsonObject one = new JsonObject();
    one.addProperty("count", count);
    one.addProperty("what", what);
    all.add(one);
  }

  /** Replaces the caches by empty ones of another geometry. */
  JsonObject caches(ApiRequest asked) throws ApiRequest.Refusal {
    int tables = asked.flag("tables") ? ENTRIES : 0;
    int pages = asked.flag("pages") ? ENTRIES : 0;
    options =
        CacheOptions.DEFAULT
            .withIotlb(asked.flag("iotlb") ? 4 * ENTRIES : 0, asked.flag("iotlb") ? 4 : 1)
            .withStructures(tables, tables, pages)
            .withCounters();
    forget();
    return new JsonObject();
  }

  private Translator translator() {
    Translator known = translator;
    if (known == null) {
      known = iommu.newTranslator(options);
      translator = known;
    }
    return known;
  }

  private void forget() {
    iommu = Walker.iommu(image(), memory);
    translator = null;
    restricted = "";
  }

  /** Drops everything that is cached. */
  JsonObject invalidate() {
    iommu.invalidateAll();
    return new JsonObject();
  }

  /** Some of a requester's mapped ranges from an address on. */
  JsonObject ranges(ApiRequest asked) throws ApiRequest.Refusal {
    int source = asked.source(image().isVtd());
    int pasid = asked.pasid();
    long from = asked.text("from").isEmpty() ? 0 : asked.number("from");
    JsonObject answer = new JsonObject();
    JsonArray list = new JsonArray();
    answer.add("ranges", list);
    answer.addProperty("next", "");
    answer.addProperty("type", "not among the requesters of the tables");
    for (Endpoint endpoint :
        Endpoints.list(image(), memory, source, Budget.ofSeconds(LIST_SECONDS))) {
      if (endpoint.pasid() == pasid) {
        RangeScan.Found found = scan(endpoint, from, Budget.ofRanges(SCAN_RANGES, SCAN_NANOS));
        found.ranges().forEach(range -> list.add(range(range)));
        answer.addProperty("next", found.next() == null ? "" : Numbers.hex(found.next()));
        answer.addProperty("type", endpoint.type());
        answer.addProperty("fault", found.fault().replaceFirst(" record=\\S+", ""));
      }
    }
    return answer;
  }

  private static JsonObject range(MappingScan.Mapping range) {
    JsonObject one = new JsonObject();
    one.addProperty("first", Numbers.hex(range.first()));
    one.addProperty("last", Numbers.hex(range.last()));
    one.addProperty("output", Numbers.hex(range.output()));
    one.addProperty("perm", Access.describe(range.rights()));
    return one;
  }

  /** Words of memory from an address on, up to the end of memory. */
  JsonArray words(ApiRequest asked) throws ApiRequest.Refusal {
    long address = asked.number("address");
    int count = asked.number("count", MOST_WORDS);
    word(address);
    JsonArray words = new JsonArray();
    for (int i = 0; i < count; i++) {
      long at = address + 8L * i;
      if (memory.find(at) < 0) {
        break;
      }
      JsonObject one = new JsonObject();
      one.addProperty("address", Numbers.hex(at));
      one.addProperty("word", "0x%016x".formatted(word(at)));
      words.add(one);
    }
    return words;
  }

  private long word(long address) throws ApiRequest.Refusal {
    int run = (address & 7) == 0 ? memory.find(address) : -1;
    if (run < 0) {
      throw new ApiRequest.Refusal(
          400, "0x%x: expected the address of a word of memory".formatted(address));
    }
    return memory.load(run, address);
  }

  JsonArray flip(ApiRequest asked) throws ApiRequest.Refusal {
    long address = asked.number("address");
    return change(address, word(address) ^ 1L << asked.number("bit", 63));
  }

  JsonArray change(ApiRequest asked) throws ApiRequest.Refusal {
    return change(asked.number("address"), asked.number("value"));
  }

  private JsonArray change(long address, long value) throws ApiRequest.Refusal {
    long before = word(address);
    Map<Long, Long> changed = memory.changes();
    if (changed.size() >= MOST_CHANGES && !changed.containsKey(address)) {
      throw new ApiRequest.Refusal(
          409, "expected at most %d changed words; undo some".formatted(MOST_CHANGES));
    }
    memory.update(memory.find(address), address, before, value);
    return changes();
  }

  /** Undoes every change of memory and of registers. */
  JsonArray reset() {
    memory.reset(Map.of());
    if (unit.isChanged()) {
      unit.reset();
      forget();
    }
    return changes();
  }

  /** The present registers with their fields. */
  JsonArray registers() {
    return unit.listed();
  }

  /** Changes a register; the translator with caches starts over with its new value. */
  JsonArray setRegister(ApiRequest asked) throws ApiRequest.Refusal {
    return set(Map.of(asked.text("name"), asked.number("value")));
  }

  /** Changes some registers at once. */
  JsonArray setRegisters(ApiRequest asked) throws ApiRequest.Refusal {
    return set(asked.values("values"));
  }

  private JsonArray set(Map<String, Long> values) throws ApiRequest.Refusal {
    unit.set(values, memory);
    forget();
    return unit.changes();
  }

  /** The differences from the image. */
  private JsonArray changes() {
    JsonArray all = new JsonArray();
    for (Map.Entry<Long, Long> entry : memory.changes().entrySet()) {
      long address = entry.getKey();
      JsonObject one = new JsonObject();
      one.addProperty("address", Numbers.hex(address));
      one.addProperty("before", "0x%016x".formatted(below.load(below.find(address), address)));
      one.addProperty("after", "0x%016x".formatted(entry.getValue()));
      all.add(one);
    }
    return all;
  }
}
