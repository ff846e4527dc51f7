/*
 * Guest user program: an SMMUv3 nested domain (CD table and stage 1 of its own over a stage 2 by the kernel) on the test function through iommufd,
 * then DMA by the device's test registers, each answer compared with what the tables say.
 */
#include "nested.h"

enum { VSID = 7, ASID = 3, PASID_ASID = 4, ID = 0x51, CDS_LOG2 = 7, PASID_PAGES = 32 };
enum { F_TRANSLATION = 0x10, F_ACCESS = 0x12, F_PERMISSION = 0x13, F_STREAM_DISABLED = 0x06, C_BAD_SUBSTREAMID = 0x08, C_BAD_CD = 0x0a };
/* Descriptor bits: page or table; accessed; not global; inner shareable; for unprivileged use; read-only. */
enum { VALID = 3, BLOCK = 1, AF = 1 << 10, NG = 1 << 11, SHARED = 3 << 8, USER = 1 << 6, READ_ONLY = 1 << 7, PLAIN = AF | NG | SHARED | USER };

static uint64_t root, pasid_root, cds, shared;
static uint32_t viommu;

static uint64_t *slot(uint64_t va, int level, int make)        /* levels 0..3, 4 KiB granule, 48 bits */
{
    uint64_t t = root;
    for (int l = 0; l < level; l++) {
        uint64_t *e = at(t) + (va >> (39 - 9 * l) & 511);
        if (!(*e & 1)) {
            if (!make) return NULL;
            *e = page() | VALID;
        }
        t = *e & 0xfffffffff000ull;
    }
    return at(t) + (va >> (39 - 9 * level) & 511);
}
static void map(uint64_t va, uint64_t gpa, int level, uint64_t flags) { *slot(va, level, 1) = gpa | flags | (level == 3 ? VALID : BLOCK); }

static void command(uint64_t low, uint64_t high)
{
    struct iommu_viommu_arm_smmuv3_invalidate c = { .cmd = { low, high } };
    struct iommu_hwpt_invalidate i = { .size = sizeof i, .hwpt_id = viommu, .data_uptr = (uintptr_t)&c, .data_type = IOMMU_VIOMMU_INVALIDATE_DATA_ARM_SMMUV3,
                                       .entry_len = sizeof c, .entry_num = 1 };
    if (ioctl(ifd, IOMMU_HWPT_INVALIDATE, &i)) die("HWPT_INVALIDATE");
}
static void tlbi_va(uint64_t asid, uint64_t va) { command(0x12 | asid << 48, va | 1); }
static void tlbi_asid(uint64_t asid) { command(0x11 | asid << 48, 0); }
static void cfgi_cd(uint64_t ssid) { command(0x05 | ssid << 12 | (uint64_t)VSID << 32, 1); }
static void atc_inv(uint64_t va) { command(0x40 | (uint64_t)VSID << 32, va); }

/* A context descriptor: one table from 48-bit addresses, AArch64, faults recorded and aborted, memory write-back. */
static void context(unsigned ssid, uint64_t table, uint64_t asid)
{
    uint64_t *cd = at(cds + 64 * ssid);
    enum { T0SZ = 16, WRITE_BACK = 1 << 8 | 1 << 10, INNER = 3 << 12, NO_TABLE_1 = 1 << 30, IPS_44 = 4 };
    cd[1] = table;
    cd[3] = 0xff;                                              /* attribute 0: normal memory, write-back */
    cd[0] = T0SZ | WRITE_BACK | INNER | NO_TABLE_1 | 1ull << 31 | (uint64_t)IPS_44 << 32 | 1ull << 41 | 1ull << 45 | 1ull << 46 | 1ull << 47 | asid << 48;
}

static uint32_t nested(uint32_t parent)
{
    struct iommu_viommu_alloc v = { .size = sizeof v, .type = IOMMU_VIOMMU_TYPE_ARM_SMMUV3, .dev_id = dev, .hwpt_id = parent };
    if (ioctl(ifd, IOMMU_VIOMMU_ALLOC, &v)) die("VIOMMU_ALLOC");
    viommu = v.out_viommu_id;
    struct iommu_vdevice_alloc d = { .size = sizeof d, .viommu_id = viommu, .dev_id = dev, .virt_id = VSID };
    if (ioctl(ifd, IOMMU_VDEVICE_ALLOC, &d)) die("VDEVICE_ALLOC");
    /* The guest's STE: stage 1, a linear table of CDs; requests without substream use CD 0; ATS on. */
    struct iommu_hwpt_arm_smmuv3 ste = { .ste = { 1 | 5 << 1 | cds | (uint64_t)CDS_LOG2 << 59, 2 | 1 << 2 | 1 << 4 | 3 << 6 | 1 << 28 } };
    struct iommu_hwpt_alloc a = { .size = sizeof a, .dev_id = dev, .pt_id = viommu, .data_type = IOMMU_HWPT_DATA_ARM_SMMUV3, .data_len = sizeof ste,
                                  .data_uptr = (uintptr_t)&ste };
    if (ioctl(ifd, IOMMU_HWPT_ALLOC, &a)) die("HWPT_ALLOC nested");
    return a.out_hwpt_id;
}

/* A substream has a CD and a stage 1 of its own in the same table of CDs. */
static uint64_t pasid_va(int i) { return 0x20000000ull + i * 0x201000ull; }
static uint64_t pasid_gpa(int i) { return GPA + (1200 + i) * 4096ull; }
static void make_pasid(uint64_t also)
{
    uint64_t rest = root;
    shared = also & ~0xfffull;                                 /* an address that both have */
    root = pasid_root = page();
    for (int i = 0; i < PASID_PAGES; i++) map(pasid_va(i), pasid_gpa(i), 3, PLAIN);
    map(shared, pasid_gpa(0), 3, PLAIN);
    context(ID, pasid_root, PASID_ASID);
    root = rest;
}
static void check_pasid(void)
{
    uint64_t v;
    root = pasid_root;
    *(volatile uint32_t *)(bar + PASID) = ID;
    for (int i = 0; i < PASID_PAGES; i++) {
        uint64_t va = pasid_va(i) + 8 * i;
        check("PASID: status", va, dma_read(va, &v), 1);
        check("PASID: read", va, v, marked(pasid_gpa(i) + 8 * i));
    }
    check("PASID: its own page", shared, dma_read(shared, &v), 1);
    check("PASID: its own page", shared, v, marked(pasid_gpa(0)));
    fault("PASID: not present", 0x70000000ull, 0, F_TRANSLATION);
    *slot(pasid_va(0), 3, 0) = 0;
    tlbi_va(PASID_ASID, pasid_va(0));
    fault("PASID: gone", pasid_va(0), 1, F_TRANSLATION);
    *(volatile uint32_t *)(bar + PASID) = ID + 1;
    fault("PASID without CD", pasid_va(1), 0, C_BAD_CD);
    *(volatile uint32_t *)(bar + PASID) = 1 << CDS_LOG2;
    fault("PASID beyond the table", pasid_va(1), 0, C_BAD_SUBSTREAMID);
    *(volatile uint32_t *)(bar + PASID) = 0;
    fault("PASID 0, whose CD is for requests without", pasid_va(1), 0, F_STREAM_DISABLED);
    *(volatile uint32_t *)(bar + PASID) = ID;
    at(cds + 64 * ID)[0] = 0;
    cfgi_cd(ID);
    tlbi_asid(PASID_ASID);
    fault("PASID: CD gone", pasid_va(1), 0, C_BAD_CD);
    *(volatile uint32_t *)(bar + PASID) = NO_PASID;
}

/* Translations that the device keeps (ATS): asked for, used, and no longer used after their invalidation. */
static void translations(uint64_t va, uint64_t gpa)
{
    uint64_t before = reg(INVALIDATIONS), answer;
    check("ATS: status", va, run(va, TRANSLATE), 1);
    answer = reg(DATA);
    check("ATS: size and rights", va, answer & 0xfff, 12 << 4 | 3);
    check("ATS: status of access", va, run((answer & ~0xfffull) | (va & 0xfff), READ_TRANSLATED), 1);
    check("ATS: read", va, reg(DATA), marked(gpa | (va & 0xff8)));
    *slot(va, 3, 0) = 0;
    tlbi_va(ASID, va & ~0xfffull);
    atc_inv(va & ~0xfffull);
    check("ATS: invalidated at the device", va, reg(INVALIDATIONS) > before, 1);
    check("ATS: asked again", va, run(va, TRANSLATE), 1);
    check("ATS: no rights", va, reg(DATA) & 3, 0);
    *slot(va, 3, 0) = gpa | PLAIN | VALID;
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    bind();
    struct iommu_hw_info_arm_smmuv3 hv = {};
    struct iommu_hw_info hi = { .size = sizeof hi, .dev_id = dev, .data_len = sizeof hv, .data_uptr = (uintptr_t)&hv };
    if (ioctl(ifd, IOMMU_GET_HW_INFO, &hi)) die("GET_HW_INFO");
    printf("NESTED: hw info type %u idr0 %#x idr1 %#x idr3 %#x idr5 %#x\n", hi.out_data_type, hv.idr[0], hv.idr[1], hv.idr[3], hv.idr[5]);
    uint32_t parent = parent_of_ram(0);

    while ((cds = page()) & 8191)                              /* 128 CDs of 64 bytes: two pages, aligned to their size */
        ;
    page();
    root = page();
    context(0, root, ASID);
    /* 4 KiB pages all over stage 1's space; data pages are 1024..2047, tables grow from page 1 up */
    enum { N = 200 };
    static uint64_t va[N], gpa[N];
    uint64_t seed = 88172645463325252ull;
    for (int i = 0; i < N; i++) {
        seed ^= seed << 13; seed ^= seed >> 7; seed ^= seed << 17;
        uint64_t region[] = { 0x10000000ull, 0x7f0000000000ull, 0xc00000000000ull, 0x3fffe000ull, 0x123400000000ull };
        va[i] = region[i % 5] + (uint64_t)(i / 5) * 4096 + (i % 3 == 0 ? 0x200000ull * (i / 5) : 0);
        gpa[i] = GPA + (1024 + seed % 512) * 4096;
        map(va[i], gpa[i], 3, PLAIN);
    }
    uint64_t big = 0x600000000000ull;                          /* a block of 2 MiB over 4 KiB pages of stage 2 */
    uint64_t biggpa = GPA + 0x600000;                          /* pages 1536..2047 */
    map(big, biggpa, 2, PLAIN);
    uint64_t ro = 0x50000000ull, priv = 0x50001000ull, none = 0x50002000ull, hole = 0x50003000ull, late = 0x50004000ull, old = 0x50005000ull;
    uint64_t beyond = 1ull << 48;
    map(ro, GPA + 1100 * 4096, 3, PLAIN | READ_ONLY);
    map(priv, GPA + 1101 * 4096, 3, PLAIN & ~USER);
    map(hole, GPA + 0x10000000ull, 3, PLAIN);                  /* a guest address that stage 2 does not map */
    map(late, GPA + 1102 * 4096, 3, PLAIN);
    map(old, GPA + 1104 * 4096, 3, PLAIN & ~AF);               /* never accessed, and no hardware that would set the flag */
    make_pasid(va[1]);

    uint32_t table = nested(parent);
    attach(table, 0, 0);
    open_registers();
    printf("NESTED: attached, stage 1 of 4 levels, tables use %u pages\n", next_page);

    for (int i = 0; i < N; i++) {
        unsigned o = (i * 72 + i % 7) & 0xfff;
        row(i & 1 ? 'w' : 'r', "-", va[i] + o, gpa[i] + o);
        row(i & 1 ? 'r' : 'w', "-", va[i] + 4095, gpa[i] + 4095);
    }
    for (int k = 0; k < 512; k += 5) row(k & 1 ? 'w' : 'r', "-", big + k * 4096ull + k, biggpa + k * 4096ull + k);
    row('r', "-", ro, GPA + 1100 * 4096);
    refused('w', "-", ro, F_PERMISSION);
    refused('r', "-", priv, F_PERMISSION); refused('w', "-", priv, F_PERMISSION);
    refused('r', "-", none, F_TRANSLATION); refused('w', "-", none, F_TRANSLATION);
    printf("FROW r - %llx %x %llx\nFROW w - %llx %x %llx\n", (u64)hole, F_TRANSLATION, GPA + 0x10000000ull, (u64)hole + 8, F_TRANSLATION, GPA + 0x10000000ull);
    refused('r', "-", old, F_ACCESS); refused('w', "-", old, F_ACCESS);
    refused('r', "-", beyond, F_TRANSLATION);
    for (int i = 0; i < PASID_PAGES; i++) row(i & 1 ? 'w' : 'r', "51", pasid_va(i) + 40 * i, pasid_gpa(i) + 40 * i);
    row('r', "51", shared, pasid_gpa(0));
    refused('r', "51", 0x70000000ull, F_TRANSLATION);
    rows_end();

    uint64_t v;
    for (int i = 0; i < N; i++) {
        unsigned o = (i * 72) & 0xff8;
        check("status of read", va[i] + o, dma_read(va[i] + o, &v), 1);
        check("read", va[i] + o, v, marked(gpa[i] + o));
    }
    for (int i = 0; i < N; i += 3) {
        unsigned o = (i * 40) & 0xff8;
        volatile uint64_t *w = (volatile uint64_t *)((char *)at(gpa[i]) + o);
        check("status of write", va[i] + o, dma_write(va[i] + o, 0xABCD0000u + i), 1);
        check("written", va[i] + o, *w, 0xABCD0000u + i);
        *w = marked(gpa[i] + o);
    }
    for (int k = 0; k < 512; k += 5) {
        uint64_t o = k * 4096ull + 8 * k;
        check("2M read status", big + o, dma_read(big + o, &v), 1);
        check("2M read", big + o, v, marked(biggpa + o));
    }
    check("read-only: read", ro, dma_read(ro, &v), 1);
    fault("read-only: write", ro, 1, F_PERMISSION);
    fault("privileged", priv, 0, F_PERMISSION);
    fault("not present", none, 0, F_TRANSLATION);
    fault("beyond the input size", beyond, 0, F_TRANSLATION);
    fault("no stage 2", hole, 0, F_TRANSLATION);
    fault("no stage 2", hole, 1, F_TRANSLATION);
    fault("access flag", old, 0, F_ACCESS);
    check("late: read", late, dma_read(late, &v), 1);
    check("late: old page", late, v, marked(GPA + 1102 * 4096));
    *slot(late, 3, 0) = (GPA + 1103 * 4096) | PLAIN | VALID;
    tlbi_va(ASID, late);
    check("late: read again", late, dma_read(late, &v), 1);
    check("late: new page", late, v, marked(GPA + 1103 * 4096));
    *slot(late, 3, 0) = 0;
    tlbi_va(ASID, late);
    fault("late: gone", late, 0, F_TRANSLATION);
    for (int i = 0; i < N; i++) {                              /* everything moves by one page; one invalidation of the ASID */
        gpa[i] = GPA + (1024 + ((gpa[i] - GPA) / 4096 - 1024 + 1) % 512) * 4096;
        *slot(va[i], 3, 0) = gpa[i] | PLAIN | VALID;
    }
    tlbi_asid(ASID);
    for (int i = 0; i < N; i++) {
        check("moved: status", va[i], dma_read(va[i] + 16, &v), 1);
        check("moved: read", va[i], v, marked(gpa[i] + 16));
    }
    uint64_t first = root;                                     /* another stage 1, by way of the CD; and back */
    root = page();
    map(va[0], GPA + 1105 * 4096, 3, PLAIN);
    context(0, root, ASID);
    cfgi_cd(0);
    tlbi_asid(ASID);
    check("another CD: status", va[0], dma_read(va[0], &v), 1);
    check("another CD: read", va[0], v, marked(GPA + 1105 * 4096));
    fault("another CD: the rest is gone", va[1], 0, F_TRANSLATION);
    root = first;
    context(0, root, ASID);
    cfgi_cd(0);
    tlbi_asid(ASID);
    check("the first CD: status", va[1], dma_read(va[1] + 16, &v), 1);
    check("the first CD: read", va[1], v, marked(gpa[1] + 16));
    /* stage 2 changes under it: the whole range goes, then comes back at other frames */
    unmap_ram();
    unsigned s = dma_read(va[0], &v);
    check("stage 2 unmapped: refused", va[0], s & 0xff, 2);
    printf("NESTED: code after unmapping stage 2: %#x\n", s >> 8);
    map_ram_elsewhere();
    for (int i = 0; i < N; i++) {
        volatile uint64_t *w = (volatile uint64_t *)((char *)at(gpa[i]) + 24);
        check("mapped again: status", va[i], dma_read(va[i] + 24, &v), 1);
        check("mapped again: read", va[i], v, marked(gpa[i] + 24));
        check("mapped again: write", va[i], dma_write(va[i] + 24, i), 1);
        check("mapped again: written", va[i], *w, i);
        *w = marked(gpa[i] + 24);
    }
    result("NESTED");
    unsigned nested_wrong = wrong;
    good = wrong = 0;
    translations(va[3] + 16, gpa[3]);
    check_pasid();
    result("SHARING");
    return nested_wrong + wrong != 0;
}
