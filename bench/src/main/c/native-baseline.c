/*
 * The native baseline: the same walks and the same cache as the Java side, on the same tables, so that
 * a ratio says what Java costs. It makes the same checks: memory bounds of every read, presence,
 * reserved bits, rights of both stages, accessed and dirty flags, address width, interrupt range.
 * It leaves out: setting flags (it counts a walk that would have to as failed), configuration
 * structures (resolved before, as in the Java endpoint) and fault records. Compiled once for memory
 * of one run and once, with RUNS=2, for two.
 */
#include <stdint.h>
#include <string.h>

typedef uint64_t u64;
typedef int64_t i64;

#define ADDRESS 0x000ffffffffff000ull
#define FAULT (1ull << 63)

#ifndef RUNS
#define RUNS 1
#endif

/* Filled by the Java side; every member is 8 bytes. */
struct machine {
  const u64 *bytes;     /* guest memory, the largest run */
  u64 first;            /* its guest-physical address */
  u64 last_entry;       /* offset of its last entry */
  u64 first_root;       /* stage 1 root table */
  u64 second_root;      /* stage 2 root table */
  u64 second_width;     /* bits of an intermediate address */
  u64 output_bits;      /* bits of an output address */
  u64 reserved_first[6];
  u64 reserved_first_leaf[6];
  u64 reserved_second[6];
  u64 reserved_second_leaf[6];
  const u64 *bytes1;    /* another run, its address and its last entry */
  u64 first1;
  u64 last_entry1;
};

static inline int load(const struct machine *m, u64 at, u64 *entry) {
  u64 offset = at - m->first;
  if (offset <= m->last_entry) {
    *entry = __atomic_load_n(m->bytes + (offset >> 3), __ATOMIC_RELAXED);
    return 1;
  }
#if RUNS == 2
  offset = at - m->first1;
  if (offset <= m->last_entry1) {
    *entry = __atomic_load_n(m->bytes1 + (offset >> 3), __ATOMIC_RELAXED);
    return 1;
  }
#endif
  return 0;
}

static inline u64 ok(u64 address, u64 span, u64 rights) {
  return address | span << 52 | rights << 58;
}

static inline int is_interrupt(u64 address) { return address - 0xfee00000ull <= 0xfffffull; }

/* VT-d second stage: 3.7, 9.8. */
static inline u64 vtd_second(const struct machine *m, u64 address, u64 need) {
  u64 table = m->second_root, granted = 7;
  for (int level = 4;; level--) {
    int shift = 3 + 9 * level;
    u64 entry;
    if (!load(m, table + ((address >> shift & 0x1ff) << 3), &entry)) return FAULT | 0x78;
    u64 now = granted & entry;
    if ((now & need) != need) return FAULT | 0x86;
    if (level == 1 || ((entry & 0x80) && level <= 3)) {
      if (entry & m->reserved_second_leaf[level]) return FAULT | 0x7a;
      u64 within = (1ull << shift) - 1;
      return ok((entry & ADDRESS & ~within) | (address & within), shift, now & 3);
    }
    if (entry & m->reserved_second[level]) return FAULT | 0x7a;
    granted = now;
    table = entry & ADDRESS;
  }
}

static inline u64 vtd_second_only(const struct machine *m, u64 iova, u64 need) {
  if (is_interrupt(iova)) return FAULT | 0x100;
  if (iova >> m->second_width) return FAULT | 0x84;
  u64 answer = vtd_second(m, iova, need);
  if (answer & FAULT) return answer;
  return is_interrupt(answer & (ADDRESS | 0xfff)) ? FAULT | 0x87 : answer;
}

/* VT-d first stage over second: 3.8. */
static inline u64 vtd_nested(const struct machine *m, u64 iova, u64 need) {
  if (is_interrupt(iova)) return FAULT | 0x100;
  if ((u64)((i64)(iova << 16) >> 16) != iova) return FAULT | 0x80;
  u64 table = m->first_root, all = -1ull, some = 0;
  for (int level = 4;; level--) {
    int shift = 3 + 9 * level;
    u64 at = table + ((iova >> shift & 0x1ff) << 3), entry;
    if (at >> m->second_width) return FAULT | 0x74;
    u64 host = vtd_second(m, at, 1);
    if (host & FAULT) return host;
    if (!load(m, host & (ADDRESS | 0xfff), &entry)) return FAULT | 0x70;
    if (!(entry & 1)) return FAULT | 0x71;
    all &= entry;
    some |= entry;
    if (level == 1 || ((entry & 0x80) && level <= 3)) {
      if (entry & m->reserved_first_leaf[level]) return FAULT | 0x72;
      if (!(all & 4)) return FAULT | 0x81;
      u64 granted = all & 2 ? 3 : 1;
      if ((granted & need) != need) return FAULT | 0x85;
      u64 within = (1ull << shift) - 1;
      u64 address = (entry & ADDRESS & ~within) | (iova & within);
      if (address >> m->second_width) return FAULT | 0x74;
      u64 answer = vtd_second(m, address, need);
      if (answer & FAULT) return answer;
      u64 output = answer & (ADDRESS | 0xfff);
      if (is_interrupt(output)) return FAULT | 0x87;
      u64 rights = granted & answer >> 58;
      u64 flags = (need & rights & 2) ? 0x60 : 0x20;
      if ((entry & flags) != flags) return FAULT | 0x90;
      u64 span = answer >> 52 & 63;
      return ok(output, span < (u64)shift ? span : (u64)shift, rights);
    }
    if (entry & m->reserved_first[level]) return FAULT | 0x72;
    if (!(entry & 0x20)) return FAULT | 0x90;
    table = entry & ADDRESS;
  }
}

/* VMSAv8-64, 4 KiB granule, stage 2 from level 0: D8. */
static inline u64 smmu_stage2(const struct machine *m, u64 ipa, u64 need) {
  if (ipa >> m->second_width) return FAULT | 0x10;
  u64 table = m->second_root;
  for (int level = 0;; level++) {
    int shift = 12 + 9 * (3 - level);
    u64 entry;
    if (!load(m, table + ((ipa >> shift & 0x1ff) << 3), &entry)) return FAULT | 0x0b;
    int type = entry & 3;
    int leaf = level == 3 ? type == 3 : type == 1 && level >= 1;
    if (!leaf && !(level < 3 && type == 3)) return FAULT | 0x10;
    int lsb = leaf ? shift : 12;
    u64 address = (entry & 0xffffffffffffull) >> lsb << lsb;
    if (address >> m->output_bits) return FAULT | 0x11;
    if (leaf) {
      if (!(entry & 1 << 10)) return FAULT | 0x12;
      u64 rights = entry >> 6 & 3;
      if ((rights & need) != need) return FAULT | 0x13;
      return ok(address | (ipa & ((1ull << shift) - 1)), shift, rights);
    }
    table = address;
  }
}

static inline u64 smmu_nested(const struct machine *m, u64 va, u64 need) {
  if (va << 8 >> 63 || (i64)va >> 48) return FAULT | 0x10;
  u64 table = m->first_root, hierarchy = 0;
  for (int level = 0;; level++) {
    int shift = 12 + 9 * (3 - level);
    u64 entry;
    u64 host = smmu_stage2(m, table + ((va >> shift & 0x1ff) << 3), 1);
    if (host & FAULT) return host;
    if (!load(m, host & (ADDRESS | 0xfff), &entry)) return FAULT | 0x0b;
    int type = entry & 3;
    int leaf = level == 3 ? type == 3 : type == 1 && level >= 1;
    if (!leaf && !(level < 3 && type == 3)) return FAULT | 0x10;
    int lsb = leaf ? shift : 12;
    u64 output = (entry & 0xffffffffffffull) >> lsb << lsb;
    if (output >> m->output_bits) return FAULT | 0x11;
    if (leaf) {
      if (!(entry & 1 << 10)) return FAULT | 0x12;
      u64 user = entry >> 6 & 1 && !(hierarchy >> 61 & 1);
      u64 writes = !(entry >> 7 & 1) && !(hierarchy >> 62 & 1);
      u64 granted = user ? 1 | writes << 1 : 0;
      if ((granted & need) != need) return FAULT | 0x13;
      u64 answer = smmu_stage2(m, output | (va & ((1ull << shift) - 1)), need);
      if (answer & FAULT) return answer;
      u64 span = answer >> 52 & 63;
      return ok(answer & (ADDRESS | 0xfff), span < (u64)shift ? span : (u64)shift,
                granted & answer >> 58);
    }
    hierarchy |= entry;
    table = output;
  }
}

/* VT-d first stage alone: 3.6, 9.7. */
static inline u64 vtd_first(const struct machine *m, u64 iova, u64 need) {
  if (is_interrupt(iova)) return FAULT | 0x100;
  if ((u64)((i64)(iova << 16) >> 16) != iova) return FAULT | 0x80;
  u64 table = m->first_root, all = -1ull;
  for (int level = 4;; level--) {
    int shift = 3 + 9 * level;
    u64 entry;
    if (!load(m, table + ((iova >> shift & 0x1ff) << 3), &entry)) return FAULT | 0x70;
    if (!(entry & 1)) return FAULT | 0x71;
    all &= entry;
    if (level == 1 || ((entry & 0x80) && level <= 3)) {
      if (entry & m->reserved_first_leaf[level]) return FAULT | 0x72;
      if (!(all & 4)) return FAULT | 0x81;
      u64 granted = all & 2 ? 3 : 1;
      if ((granted & need) != need) return FAULT | 0x85;
      u64 within = (1ull << shift) - 1, output = (entry & ADDRESS & ~within) | (iova & within);
      if (is_interrupt(output)) return FAULT | 0x87;
      u64 flags = need & granted & 2 ? 0x60 : 0x20;
      return (entry & flags) == flags ? ok(output, shift, granted) : FAULT | 0x90;
    }
    if (entry & m->reserved_first[level]) return FAULT | 0x72;
    if (!(entry & 0x20)) return FAULT | 0x90;
    table = entry & ADDRESS;
  }
}

/* VMSAv8-64 stage 1 alone. */
static inline u64 smmu_stage1(const struct machine *m, u64 va, u64 need) {
  if (va << 8 >> 63 || (i64)va >> 48) return FAULT | 0x10;
  u64 table = m->first_root, hierarchy = 0;
  for (int level = 0;; level++) {
    int shift = 12 + 9 * (3 - level);
    u64 entry;
    if (!load(m, table + ((va >> shift & 0x1ff) << 3), &entry)) return FAULT | 0x0b;
    int type = entry & 3, leaf = level == 3 ? type == 3 : type == 1 && level >= 1;
    if (!leaf && !(level < 3 && type == 3)) return FAULT | 0x10;
    int lsb = leaf ? shift : 12;
    u64 output = (entry & 0xffffffffffffull) >> lsb << lsb;
    if (output >> m->output_bits) return FAULT | 0x11;
    if (leaf) {
      if (!(entry & 1 << 10)) return FAULT | 0x12;
      u64 user = entry >> 6 & 1 && !(hierarchy >> 61 & 1);
      u64 granted = user ? 1 | (u64)(!(entry >> 7 & 1) && !(hierarchy >> 62 & 1)) << 1 : 0;
      if ((granted & need) != need) return FAULT | 0x13;
      return ok(output | (va & ((1ull << shift) - 1)), shift, granted);
    }
    hierarchy |= entry;
    table = output;
  }
}

static inline u64 smmu_stage2_only(const struct machine *m, u64 va, u64 need) {
  return va >> 48 ? FAULT | 0x11 : smmu_stage2(m, va, need);
}

#define LOOP(NAME, WALK)                                                                    \
  u64 NAME(const struct machine *m, const u64 *iovas, u64 count, u64 mask, u64 need) {      \
    u64 sum = 0;                                                                            \
    for (u64 i = 0; i < count; i++) sum += WALK(m, iovas[i & mask], need);                  \
    return sum;                                                                             \
  }

LOOP(baseline_vtd_second, vtd_second_only)
LOOP(baseline_vtd_nested, vtd_nested)
LOOP(baseline_smmu_nested, smmu_nested)
LOOP(baseline_vtd_first, vtd_first)
LOOP(baseline_smmu_stage1, smmu_stage1)
LOOP(baseline_smmu_stage2, smmu_stage2_only)

/* The floor of a walk: as many loads, each at the address that the last one gave. */
u64 baseline_chain(const u64 *ring, u64 count, u64 loads) {
  u64 at = 0;
  for (u64 i = 0; i < count; i++)
    for (u64 j = 0; j < loads; j++) at = ring[at];
  return at;
}

/* The IOTLB: the layout of TranslationCache. */
#define PAYLOAD 0x0ffffffffffff000ull
#define FIXED 0xf000000000000ffcull

struct cache {
  u64 *table;
  u64 mask;
  u64 ways;
  u64 published;
  u64 epoch;
  u64 shift;
  u64 low;
  u64 salt;
  u64 expected;
};

static u64 place(const struct cache *c, u64 page) {
  return ((page ^ page >> 9 ^ c->salt) & c->mask) << 1;
}

u64 baseline_put(const struct cache *c, u64 iova, u64 output) {
  u64 page = iova >> c->shift, at = place(c, page);
  for (u64 way = c->ways - 1; way > 0 && (c->table[at] | c->table[at + 1]); way--) {
    u64 other = at ^ way << 1;
    if (!(c->table[other] | c->table[other + 1])) {
      memcpy(c->table + other, c->table + at, 16);
      break;
    }
  }
  c->table[at] = page << c->shift | c->low;
  c->table[at + 1] = ok(output, c->shift, 3) | c->expected | 3;
  return at;
}

static u64 __attribute__((noinline)) others(const struct cache *c, u64 iova, u64 need) {
  u64 page = iova >> c->shift, key = page << c->shift | c->low, at = place(c, page);
  for (u64 way = 1; way < c->ways; way++) {
    u64 other = at ^ way << 1, word1 = c->table[other + 1];
    u64 difference = c->table[other] ^ key;
    difference |= (word1 ^ (c->expected | need)) & (FIXED | need);
    if (!difference) return (word1 & PAYLOAD) | (iova & ((1ull << c->shift) - 1));
  }
  return FAULT;
}

static inline u64 hit(const struct cache *c, u64 iova, u64 need) {
  if (*(volatile const u64 *)&c->published == c->epoch) {
    u64 page = iova >> c->shift, at = place(c, page);
    u64 word1 = c->table[at + 1];
    u64 difference = c->table[at] ^ (page << c->shift | c->low);
    difference |= (word1 ^ (c->expected | need)) & (FIXED | need);
    if (!difference) return (word1 & PAYLOAD) | (iova & ((1ull << c->shift) - 1));
  }
  return others(c, iova, need);
}

u64 baseline_hits(const struct cache *c, const u64 *iovas, u64 count, u64 mask, u64 need) {
  u64 sum = 0;
  for (u64 i = 0; i < count; i++) sum += hit(c, iovas[i & mask], need);
  return sum;
}

u64 baseline_dependent_hits(const struct cache *c, const u64 *iovas, u64 count, u64 mask, u64 need) {
  u64 answer = 0;
  for (u64 i = 0; i < count; i++) answer = hit(c, iovas[i & mask] ^ (answer & 8), need);
  return answer;
}

/*
 * Misses with page-walk caches: the IOTLB is asked in vain, partial walks of each stage lead to its
 * last table, one entry of each is read, and the answer is kept. What is not known is walked to.
 */
struct shortened {
  const struct machine *machine;
  struct cache *iotlb;
  struct cache *first;
  struct cache *second;
  u64 victim;
};

static inline u64 find(const struct cache *c, u64 address) {
  u64 page = address >> c->shift, at = place(c, page), word1 = c->table[at + 1];
  u64 difference = c->table[at] ^ (page << c->shift | c->low);
  difference |= (word1 ^ c->expected) & FIXED;
  return difference ? 0 : word1;
}

static u64 keep(const struct cache *c, u64 address, u64 word1) {
  u64 page = address >> c->shift, at = place(c, page);
  c->table[at] = page << c->shift | c->low;
  return c->table[at + 1] = word1 | c->expected;
}

/* The last table of a walk, entry by entry; rights or limits of the entries above in 53..52. */
static u64 __attribute__((noinline)) last_table(const struct machine *m, u64 root, u64 address,
                                                int smmu, int first, int nested) {
  u64 table = root, all = -1ull, some = 0;
  for (int level = 4; level > 1; level--) {
    u64 at = table + ((address >> (3 + 9 * level) & 0x1ff) << 3), entry;
    if (nested) at = (smmu ? smmu_stage2(m, at, 1) : vtd_second(m, at, 1)) & (ADDRESS | 0xfff);
    if (!load(m, at, &entry)) return 0;
    all &= entry;
    some |= entry;
    table = entry & ADDRESS & (smmu ? 0xffffffffffffull : -1ull);
  }
  if (nested) table = (smmu ? smmu_stage2(m, table, 1) : vtd_second(m, table, 1)) & ADDRESS;
  u64 kept = smmu ? (first ? some >> 61 : 0) : first ? all >> 1 & 3 : all & 3;
  return table | (kept & 3) << 52;
}

static inline u64 vtd_hop1(struct shortened *s, u64 iova, u64 need, u64 *rights, int nested) {
  const struct machine *m = s->machine;
  if ((u64)((i64)(iova << 16) >> 16) != iova) return FAULT | 0x80;
  u64 known = find(s->first, iova), entry;
  if (!known) known = keep(s->first, iova, last_table(m, m->first_root, iova, 0, 1, nested));
  if (!load(m, (known & ADDRESS) + ((iova >> 12 & 0x1ff) << 3), &entry)) return FAULT | 0x70;
  if (!(entry & 1)) return FAULT | 0x71;
  if (entry & m->reserved_first_leaf[1]) return FAULT | 0x72;
  if (!(entry & 4) || !(known >> 53 & 1)) return FAULT | 0x81;
  *rights = entry & known >> 51 & 2 ? 3 : 1;
  if ((*rights & need) != need) return FAULT | 0x85;
  u64 flags = need & *rights & 2 ? 0x60 : 0x20;
  return (entry & flags) == flags ? (entry & ADDRESS) | (iova & 0xfff) : FAULT | 0x90;
}

static inline u64 vtd_hop2(struct shortened *s, u64 address, u64 need, u64 *rights) {
  const struct machine *m = s->machine;
  if (address >> m->second_width) return FAULT | 0x74;
  u64 below = find(s->second, address), entry;
  if (!below) below = keep(s->second, address, last_table(m, m->second_root, address, 0, 0, 0));
  if (!load(m, (below & ADDRESS) + ((address >> 12 & 0x1ff) << 3), &entry)) return FAULT | 0x78;
  *rights = entry & below >> 52 & 3;
  if ((*rights & need) != need) return FAULT | 0x86;
  return entry & m->reserved_second_leaf[1] ? FAULT | 0x7a : (entry & ADDRESS) | (address & 0xfff);
}

static inline u64 smmu_hop1(struct shortened *s, u64 va, u64 need, u64 *rights, int nested) {
  const struct machine *m = s->machine;
  if (va << 8 >> 63 || (i64)va >> 48) return FAULT | 0x10;
  u64 known = find(s->first, va), entry;
  if (!known) known = keep(s->first, va, last_table(m, m->first_root, va, 1, 1, nested));
  if (!load(m, (known & ADDRESS) + ((va >> 12 & 0x1ff) << 3), &entry)) return FAULT | 0x0b;
  if ((entry & 3) != 3) return FAULT | 0x10;
  u64 output = entry & 0xfffffffff000ull;
  if (output >> m->output_bits) return FAULT | 0x11;
  if (!(entry & 1 << 10)) return FAULT | 0x12;
  u64 user = entry >> 6 & 1 && !(known >> 52 & 1);
  *rights = user ? 1 | (u64)(!(entry >> 7 & 1) && !(known >> 53 & 1)) << 1 : 0;
  return (*rights & need) == need ? output | (va & 0xfff) : FAULT | 0x13;
}

static inline u64 smmu_hop2(struct shortened *s, u64 ipa, u64 need, u64 *rights) {
  const struct machine *m = s->machine;
  if (ipa >> m->second_width) return FAULT | 0x10;
  u64 below = find(s->second, ipa), entry;
  if (!below) below = keep(s->second, ipa, last_table(m, m->second_root, ipa, 1, 0, 0));
  if (!load(m, (below & ADDRESS) + ((ipa >> 12 & 0x1ff) << 3), &entry)) return FAULT | 0x0b;
  if ((entry & 3) != 3) return FAULT | 0x10;
  u64 output = entry & 0xfffffffff000ull;
  if (output >> m->output_bits) return FAULT | 0x11;
  if (!(entry & 1 << 10)) return FAULT | 0x12;
  *rights = entry >> 6 & 3;
  return (*rights & need) == need ? output | (ipa & 0xfff) : FAULT | 0x13;
}

#define SHORTENED(NAME, FIRST, SECOND, HOP1, HOP2, INTERRUPTS)                                \
  static inline u64 NAME(struct shortened *s, u64 iova, u64 need) {                           \
    u64 rights = 3, more = 3, at = iova;                                                      \
    if (INTERRUPTS && is_interrupt(iova)) return FAULT | 0x100;                               \
    if (FIRST) at = HOP1(s, at, need, &rights, SECOND);                                       \
    if (FIRST && at & FAULT) return at;                                                       \
    if (SECOND) at = HOP2(s, at, need, &more);                                                \
    if (at & FAULT) return at;                                                                \
    return INTERRUPTS && is_interrupt(at) ? FAULT | 0x87 : ok(at, 12, rights & more);         \
  }
SHORTENED(vtd_first_miss, 1, 0, vtd_hop1, vtd_hop2, 1)
SHORTENED(vtd_second_miss, 0, 1, vtd_hop1, vtd_hop2, 1)
SHORTENED(vtd_nested_miss, 1, 1, vtd_hop1, vtd_hop2, 1)
SHORTENED(smmu_stage1_miss, 1, 0, smmu_hop1, smmu_hop2, 0)
SHORTENED(smmu_stage2_miss, 0, 1, smmu_hop1, smmu_hop2, 0)
SHORTENED(smmu_nested_miss, 1, 1, smmu_hop1, smmu_hop2, 0)

static inline void fill(struct shortened *s, u64 iova, u64 answer, u64 usable) {
  const struct cache *c = s->iotlb;
  u64 page = iova >> c->shift, at = place(c, page);
  if (c->table[at + 1]) {
    s->victim = s->victim + 1 == c->ways ? 1 : s->victim + 1;
    memcpy(c->table + (at ^ s->victim << 1), c->table + at, 16);
  }
  c->table[at] = page << c->shift | c->low;
  c->table[at + 1] = (answer & PAYLOAD & ~0xfffull) | c->expected | (answer >> 58 & usable);
}

/* SILENT: rights that a hit after a read may grant, as a write leaves no trace in the tables. */
#define MISSES(NAME, WALK, SILENT)                                                            \
  static u64 __attribute__((noinline)) NAME##_missed(struct shortened *s, u64 iova, u64 need) { \
    u64 known = others(s->iotlb, iova, need);                                                 \
    if (!(known & FAULT)) return known;                                                       \
    u64 answer = WALK(s, iova, need);                                                         \
    if (!(answer & FAULT)) fill(s, iova, answer, SILENT | need);                              \
    return answer;                                                                            \
  }                                                                                           \
  u64 NAME(struct shortened *s, const u64 *iovas, u64 count, u64 mask, u64 need) {            \
    u64 sum = 0;                                                                              \
    for (u64 i = 0; i < count; i++) {                                                         \
      const struct cache *c = s->iotlb;                                                       \
      u64 iova = iovas[i & mask], page = iova >> c->shift, at = place(c, page);               \
      u64 word1 = c->table[at + 1], difference = c->table[at] ^ (page << c->shift | c->low);  \
      difference |= (word1 ^ (c->expected | need)) & (FIXED | need);                          \
      sum += difference ? NAME##_missed(s, iova, need) : (word1 & PAYLOAD) | (iova & 0xfff);  \
    }                                                                                         \
    return sum;                                                                               \
  }
MISSES(baseline_vtd_first_misses, vtd_first_miss, 1)
MISSES(baseline_vtd_second_misses, vtd_second_miss, 3)
MISSES(baseline_vtd_nested_misses, vtd_nested_miss, 1)
MISSES(baseline_smmu_stage1_misses, smmu_stage1_miss, 3)
MISSES(baseline_smmu_stage2_misses, smmu_stage2_miss, 3)
MISSES(baseline_smmu_nested_misses, smmu_nested_miss, 3)

/* Misses without an IOTLB to ask and to fill. */
#define UNKEPT(NAME, WALK)                                                                    \
  u64 NAME(struct shortened *s, const u64 *iovas, u64 count, u64 mask, u64 need) {            \
    u64 sum = 0;                                                                              \
    for (u64 i = 0; i < count; i++) sum += WALK(s, iovas[i & mask], need);                    \
    return sum;                                                                               \
  }
UNKEPT(baseline_vtd_nested_unkept, vtd_nested_miss)
UNKEPT(baseline_smmu_nested_unkept, smmu_nested_miss)

/* Sixteen nested walks of small pages at a time: what C gains by what the Java side does. */
#define LANES 16

static inline u64 look(const struct machine *m, u64 at) {
  u64 entry;
  return load(m, at, &entry) ? entry : 0;
}

static inline u64 second_lanes(const struct machine *m, int smmu, const u64 *in, u64 *out,
                               u64 *rights, u64 need) {
  u64 wrong = 0, beyond = smmu ? -1ull << m->output_bits & 0xffffffffffffull : 0;
  for (int i = 0; i < LANES; i++) {
    wrong |= in[i] >> m->second_width;
    out[i] = m->second_root;
    rights[i] = 3;
  }
  for (int level = 4; level >= 1; level--) {
    int shift = 9 * level;
    for (int i = 0; i < LANES; i++) {
      u64 e = look(m, out[i] + (in[i] >> shift & 0xff8));
      if (smmu) {
        wrong |= (e ^ 3) & (3 | beyond);
        if (level == 1) wrong |= ~e & 1 << 10;
        if (level == 1) rights[i] = e >> 6 & 3;
      } else {
        wrong |= e & (level > 1 ? m->reserved_second[level] | 0x80 : m->reserved_second_leaf[1]);
        rights[i] &= e;
      }
      out[i] = e & ADDRESS & (smmu ? 0xffffffffffffull : -1ull);
    }
  }
  for (int i = 0; i < LANES; i++) {
    wrong |= need & ~rights[i];
    out[i] |= in[i] & 0xfff;
  }
  return wrong;
}

static inline u64 nested_lanes(const struct machine *m, int smmu, const u64 *in, u64 need) {
  u64 sum = 0, at[LANES], host[LANES], rights[LANES], all[LANES], some[LANES], table[LANES];
  u64 wrong = 0, flags = smmu ? 0 : need & 2 ? 0x67 : 0x25;
  for (int i = 0; i < LANES; i++) {
    wrong |= (u64)((i64)(in[i] << 16) >> 16) ^ in[i];
    table[i] = m->first_root;
    all[i] = -1ull;
    some[i] = 0;
  }
  for (int level = 4; level >= 1; level--) {
    int shift = 9 * level;
    for (int i = 0; i < LANES; i++) at[i] = table[i] + (in[i] >> shift & 0xff8);
    wrong |= second_lanes(m, smmu, at, host, rights, 1);
    u64 bad = level > 1 ? m->reserved_first[level] | 0x80 : m->reserved_first_leaf[1];
    for (int i = 0; i < LANES; i++) {
      u64 e = look(m, host[i]);
      if (smmu) {
        wrong |= (e ^ 3) & 3;
        if (level > 1) some[i] |= e;
        if (level == 1) wrong |= ~e & (1 << 10 | 1 << 6) | (need & 2 ? e & 1 << 7 : 0);
      } else {
        wrong |= e & bad;
        if (level == 1) wrong |= ~e & flags & 0x60;
      }
      all[i] &= e;
      table[i] = e & ADDRESS & (smmu ? 0xffffffffffffull : -1ull);
    }
  }
  for (int i = 0; i < LANES; i++) {
    wrong |= smmu ? some[i] & 3ull << 61 : ~all[i] & flags & 0x27;
    at[i] = table[i] | (in[i] & 0xfff);
  }
  wrong |= second_lanes(m, smmu, at, host, rights, need);
  if (wrong) return FAULT;
  for (int i = 0; i < LANES; i++) {
    if (!smmu && (is_interrupt(in[i]) | is_interrupt(host[i]))) return FAULT;
    sum += ok(host[i], 12, rights[i] & (1 | (smmu ? ~all[i] >> 6 & 2 : all[i] & 2)));
  }
  return sum;
}

#define LOCKSTEP(NAME, SMMU)                                                                  \
  u64 NAME(const struct machine *m, const u64 *iovas, u64 count, u64 mask, u64 need) {        \
    u64 sum = 0;                                                                              \
    for (u64 i = 0; i < count; i += LANES) sum += nested_lanes(m, SMMU, iovas + (i & mask), need); \
    return sum;                                                                               \
  }
LOCKSTEP(baseline_vtd_nested_lanes, 0)
LOCKSTEP(baseline_smmu_nested_lanes, 1)
