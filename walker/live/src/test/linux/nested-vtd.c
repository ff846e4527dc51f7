/*
 * Guest user program: a VT-d nested domain (first stage of its own over a second stage by the kernel) on the test function through iommufd,
 * then DMA by the device's test registers, each answer compared with what the tables say.   nested ADDR_WIDTH
 */
#include "nested.h"

static uint64_t root;
static int levels;
static uint32_t nested_id;

static uint64_t *slot(uint64_t va, int level, int make)
{
    uint64_t t = root;
    for (int l = levels; l > level; l--) {
        uint64_t *e = at(t) + (va >> (12 + 9 * (l - 1)) & 511);
        if (!(*e & 1)) {
            if (!make) return NULL;
            *e = page() | 7;
        }
        t = *e & 0xffffffffff000ull;
    }
    return at(t) + (va >> (12 + 9 * (level - 1)) & 511);
}
static void map(uint64_t va, uint64_t gpa, int level, uint64_t flags) { *slot(va, level, 1) = gpa | flags | (level > 1 ? 0x80 : 0); }

static void invalidate(uint64_t va, uint64_t n)
{
    struct iommu_hwpt_vtd_s1_invalidate e = { .addr = va, .npages = n };
    struct iommu_hwpt_invalidate i = { .size = sizeof i, .hwpt_id = nested_id, .data_uptr = (uintptr_t)&e, .data_type = IOMMU_HWPT_INVALIDATE_DATA_VTD_S1,
                                       .entry_len = sizeof e, .entry_num = 1 };
    if (ioctl(ifd, IOMMU_HWPT_INVALIDATE, &i)) die("HWPT_INVALIDATE");
}

static uint32_t nested(uint32_t parent, uint64_t table, int width)
{
    struct iommu_hwpt_vtd_s1 s1 = { .pgtbl_addr = table, .addr_width = width };
    struct iommu_hwpt_alloc a = { .size = sizeof a, .flags = IOMMU_HWPT_ALLOC_PASID, .dev_id = dev, .pt_id = parent, .data_type = IOMMU_HWPT_DATA_VTD_S1,
                                  .data_len = sizeof s1, .data_uptr = (uintptr_t)&s1 };
    if (ioctl(ifd, IOMMU_HWPT_ALLOC, &a)) die("HWPT_ALLOC nested");
    return a.out_hwpt_id;
}

/* A first stage of its own for requests with a PASID, beside the one for requests without. */
enum { ID = 0x51, PASID_PAGES = 32 };
static uint64_t pasid_root, shared;
static uint32_t pasid_nested;
static uint64_t pasid_va(int i) { return 0x20000000ull + i * 0x201000ull; }
static uint64_t pasid_gpa(int i) { return GPA + (1200 + i) * 4096ull; }
static void attach_pasid(uint32_t parent, int width, uint64_t also)
{
    uint64_t rest = root;
    shared = also & ~0xfffull;                                 /* an address that both first stages have */
    root = pasid_root = page();
    for (int i = 0; i < PASID_PAGES; i++) map(pasid_va(i), pasid_gpa(i), 1, 7);
    map(shared, pasid_gpa(0), 1, 7);
    root = rest;
    pasid_nested = nested(parent, pasid_root, width);
    attach(pasid_nested, VFIO_DEVICE_ATTACH_PASID, ID);
}
static void check_pasid(void)
{
    uint64_t v;
    root = pasid_root;
    nested_id = pasid_nested;
    *(volatile uint32_t *)(bar + PASID) = ID;
    for (int i = 0; i < PASID_PAGES; i++) {
        uint64_t va = pasid_va(i) + 8 * i;
        check("PASID: status", va, dma_read(va, &v), 1);
        check("PASID: read", va, v, marked(pasid_gpa(i) + 8 * i));
    }
    check("PASID: its own page", shared, dma_read(shared, &v), 1);
    check("PASID: its own page", shared, v, marked(pasid_gpa(0)));
    fault("PASID: not present", 0x70000000ull, 0, 0x71);
    *slot(pasid_va(0), 1, 0) = 0;
    invalidate(pasid_va(0), 1);
    fault("PASID: gone", pasid_va(0), 1, 0x71);
    *(volatile uint32_t *)(bar + PASID) = ID + 1;
    fault("PASID of nobody", pasid_va(1), 0, 0x59);
    *(volatile uint32_t *)(bar + PASID) = ID;
    struct vfio_device_detach_iommufd_pt d = { .argsz = sizeof d, .flags = VFIO_DEVICE_DETACH_PASID, .pasid = ID };
    if (ioctl(dfd, VFIO_DEVICE_DETACH_IOMMUFD_PT, &d)) die("DETACH PASID");
    fault("PASID: detached", pasid_va(1), 0, 0x59);
    *(volatile uint32_t *)(bar + PASID) = NO_PASID;
}

/* Translations that the device keeps (ATS): asked for, used, and no longer used after their invalidation. */
static void translations(uint64_t va, uint64_t gpa)
{
    uint64_t before = reg(INVALIDATIONS), answer, v;
    check("ATS: status", va, run(va, TRANSLATE), 1);
    answer = reg(DATA);
    check("ATS: size and rights", va, answer & 0xfff, 12 << 4 | 3);
    check("ATS: status of access", va, run((answer & ~0xfffull) | (va & 0xfff), READ_TRANSLATED), 1);
    v = reg(DATA);
    check("ATS: read", va, v, *(volatile uint64_t *)((char *)at(gpa) + (va & 0xff8)));
    *slot(va, 1, 0) = 0;
    invalidate(va & ~0xfffull, 1);
    check("ATS: invalidated at the device", va, reg(INVALIDATIONS) > before, 1);
    check("ATS: asked again", va, run(va, TRANSLATE), 1);
    check("ATS: no rights", va, reg(DATA) & 3, 0);
    *slot(va, 1, 0) = gpa | 7;
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    int width = argc > 1 ? atoi(argv[1]) : 48;
    levels = width == 57 ? 5 : 4;
    bind();
    struct iommu_hw_info_vtd hv = {};
    struct iommu_hw_info hi = { .size = sizeof hi, .dev_id = dev, .data_len = sizeof hv, .data_uptr = (uintptr_t)&hv };
    if (ioctl(ifd, IOMMU_GET_HW_INFO, &hi)) die("GET_HW_INFO");
    printf("NESTED: hw info type %u cap %#llx ecap %#llx\n", hi.out_data_type, (unsigned long long)hv.cap_reg, (unsigned long long)hv.ecap_reg);
    uint32_t parent = parent_of_ram(IOMMU_HWPT_ALLOC_PASID);

    root = page();
    /* 4 KiB pages all over the first stage's space; data pages are 1024..2047, tables grow from page 1 up */
    enum { N = 200 };
    static uint64_t va[N], gpa[N];
    uint64_t seed = 88172645463325252ull;
    for (int i = 0; i < N; i++) {
        seed ^= seed << 13; seed ^= seed >> 7; seed ^= seed << 17;
        uint64_t region[] = { 0x10000000ull, 0x7f0000000000ull, 0x400000000000ull, 0x3fffe000ull, width == 57 ? 0x40000000000000ull : 0x123400000000ull };
        va[i] = region[i % 5] + (uint64_t)(i / 5) * 4096 + (i % 3 == 0 ? 0x200000ull * (i / 5) : 0);
        gpa[i] = GPA + (1024 + seed % 512) * 4096;
        map(va[i], gpa[i], 1, 7);                              /* P, RW, US; accessed and dirty clear */
    }
    uint64_t big = 0x600000000000ull;                          /* a 2 MiB page over 4 KiB pages of the second stage */
    uint64_t biggpa = GPA + 0x600000;                          /* pages 1536..2047 */
    map(big, biggpa, 2, 7);
    uint64_t ro = 0x50000000ull, sup = 0x50001000ull, none = 0x50002000ull, hole = 0x50003000ull, late = 0x50004000ull;
    uint64_t beyond = width == 57 ? 0x0100000000000000ull : 0x0000800000000000ull;
    map(ro, GPA + 1100 * 4096, 1, 5);
    map(sup, GPA + 1101 * 4096, 1, 3);
    map(hole, GPA + 0x10000000ull, 1, 7);                      /* a guest address that the second stage does not map */
    map(late, GPA + 1102 * 4096, 1, 7);

    nested_id = nested(parent, root, width);
    attach(nested_id, 0, 0);
    attach_pasid(parent, width, va[1]);
    open_registers();
    printf("NESTED: attached, %d-level first stage, tables use %u pages\n", levels, next_page);

    for (int i = 0; i < N; i++) {
        unsigned o = (i * 72 + i % 7) & 0xfff;
        row(i & 1 ? 'w' : 'r', "-", va[i] + o, gpa[i] + o);
        row(i & 1 ? 'r' : 'w', "-", va[i] + 4095, gpa[i] + 4095);
    }
    for (int k = 0; k < 512; k += 5) row(k & 1 ? 'w' : 'r', "-", big + k * 4096ull + k, biggpa + k * 4096ull + k);
    row('r', "-", ro, GPA + 1100 * 4096);
    refused('w', "-", ro, 0x85);
    refused('r', "-", sup, 0x81); refused('w', "-", sup, 0x81);
    refused('r', "-", none, 0x71); refused('w', "-", none, 0x71);
    refused('r', "-", hole, 0x79); refused('w', "-", hole, 0x79);
    refused('r', "-", beyond, 0x80);
    refused('r', "-", 0x70000000ull, 0x71);
    for (int i = 0; i < PASID_PAGES; i++) row(i & 1 ? 'w' : 'r', "51", pasid_va(i) + 40 * i, pasid_gpa(i) + 40 * i);
    row('r', "51", shared, pasid_gpa(0));
    refused('r', "51", 0x70000000ull, 0x71);
    refused('w', "52", pasid_va(1), 0x59);
    rows_end();

    uint64_t v;
    for (int i = 0; i < N; i++) {
        unsigned o = (i * 72) & 0xff8;
        check("status of read", va[i] + o, dma_read(va[i] + o, &v), 1);
        check("read", va[i] + o, v, marked(gpa[i] + o));
        check("accessed after read", va[i], *slot(va[i], 1, 0) & 0x60, 0x20);
        check("accessed in upper", va[i], *slot(va[i], levels, 0) & 0x20, 0x20);
    }
    for (int i = 0; i < N; i += 3) {
        unsigned o = (i * 40) & 0xff8;
        uint64_t old = *(uint64_t *)((char *)at(gpa[i]) + o);
        check("status of write", va[i] + o, dma_write(va[i] + o, 0xABCD0000u + i), 1);
        check("written", va[i] + o, *(volatile uint64_t *)((char *)at(gpa[i]) + o), 0xABCD0000u + i);
        check("dirty after write", va[i], *slot(va[i], 1, 0) & 0x60, 0x60);
        *(uint64_t *)((char *)at(gpa[i]) + o) = old;
    }
    for (int k = 0; k < 512; k += 5) {
        check("2M read status", big + k * 4096ull, dma_read(big + k * 4096ull + 8 * (k % 512), &v), 1);
        check("2M read", big + k * 4096ull, v, marked(biggpa + k * 4096ull + 8 * (k % 512)));
    }
    check("read-only: read", ro, dma_read(ro, &v), 1);
    fault("read-only: write", ro, 1, 0x85);
    fault("supervisor", sup, 0, 0x81);
    fault("not present", none, 0, 0x71);
    fault("not canonical", beyond, 0, 0x80);
    fault("no second stage", hole, 0, 0x79);
    fault("no second stage", hole, 1, 0x79);
    check("late: read", late, dma_read(late, &v), 1);
    check("late: old page", late, v, marked(GPA + 1102 * 4096));
    *slot(late, 1, 0) = (GPA + 1103 * 4096) | 7;
    invalidate(late, 1);
    check("late: read again", late, dma_read(late, &v), 1);
    check("late: new page", late, v, marked(GPA + 1103 * 4096));
    *slot(late, 1, 0) = 0;
    invalidate(late, 1);
    fault("late: gone", late, 0, 0x71);
    for (int i = 0; i < N; i++) {                              /* everything moves by one page; one global invalidation */
        uint64_t *e = slot(va[i], 1, 0);
        gpa[i] = GPA + (1024 + ((gpa[i] - GPA) / 4096 - 1024 + 1) % 512) * 4096;
        *e = gpa[i] | 7;
    }
    invalidate(0, ~0ull);
    for (int i = 0; i < N; i++) {
        check("moved: status", va[i], dma_read(va[i] + 16, &v), 1);
        check("moved: read", va[i], v, marked(gpa[i] + 16));
    }
    /* the second stage changes under it: the whole range goes, then comes back at other frames */
    unmap_ram();
    unsigned s = dma_read(va[0], &v);
    check("second stage unmapped: refused", va[0], s & 0xff, 2);
    printf("NESTED: code after unmapping the second stage: %#x\n", s >> 8);
    map_ram_elsewhere();
    for (int i = 0; i < N; i++) {
        check("mapped again: status", va[i], dma_read(va[i] + 24, &v), 1);
        check("mapped again: read", va[i], v, marked(gpa[i] + 24));
        check("mapped again: write", va[i], dma_write(va[i] + 24, i), 1);
        check("mapped again: written", va[i], *(volatile uint64_t *)((char *)at(gpa[i]) + 24), i);
        *(uint64_t *)((char *)at(gpa[i]) + 24) = marked(gpa[i] + 24);
    }
    result("NESTED");
    unsigned nested_wrong = wrong;
    good = wrong = 0;
    translations(va[3] + 16, gpa[3]);
    check_pasid();
    result("SHARING");
    return nested_wrong + wrong != 0;
}
