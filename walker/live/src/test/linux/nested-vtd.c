/*
 * Guest user program: a VT-d nested domain (first stage of its own over a second stage by the kernel) on the test function through iommufd,
 * then DMA by the device's test registers, each answer compared with what the tables say.   nested ADDR_WIDTH
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/iommufd.h>
#include <linux/vfio.h>

#define GPA 0x80000000ull
#define PAGES 2048
static char *ram;
static volatile char *bar;
static unsigned next_page = 1, good, wrong;
static uint64_t root;
static int levels, ifd, dfd;
static uint32_t nested_id, ioas_id;

static uint64_t *at(uint64_t gpa) { return (uint64_t *)(ram + (gpa - GPA)); }
static uint64_t page(void) { uint64_t g = GPA + (uint64_t)next_page++ * 4096; memset(at(g), 0, 4096); return g; }
static int die(const char *what) { printf("NESTED: %s: %s\n", what, strerror(errno)); exit(1); }

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

/* The test function's registers: TestFunction.java. */
enum { ADDRESS = 0x08, DATA = 0x18, COMMAND = 0x28, STATUS = 0x2c, READ = 1, WRITE = 2, BUSY = 3 };

static uint64_t reg(unsigned o) { return *(volatile uint64_t *)(bar + o); }
static void setreg(unsigned o, uint64_t v) { *(volatile uint64_t *)(bar + o) = v; }
static unsigned run(uint64_t va, unsigned command)
{
    unsigned s;
    setreg(ADDRESS, va);
    *(volatile uint32_t *)(bar + COMMAND) = command;
    while ((s = *(volatile uint32_t *)(bar + STATUS)) == BUSY)
        ;
    return s;
}
static unsigned dma_read(uint64_t va, uint64_t *v) { unsigned s = run(va, READ); *v = reg(DATA); return s; }
static unsigned dma_write(uint64_t va, uint64_t v) { setreg(DATA, v); return run(va, WRITE); }
static void check(const char *what, uint64_t va, uint64_t got, uint64_t want)
{
    if (got == want) { good++; return; }
    wrong++;
    printf("NESTED: %s at %#llx: %#llx, expected %#llx\n", what, (unsigned long long)va, (unsigned long long)got, (unsigned long long)want);
}
static void fault(const char *what, uint64_t va, int wr, unsigned code)
{
    uint64_t v;
    unsigned s = wr ? dma_write(va, 1) : dma_read(va, &v);
    check(what, va, s, 2 | code << 8);
}
static void invalidate(uint64_t va, uint64_t n)
{
    struct iommu_hwpt_vtd_s1_invalidate e = { .addr = va, .npages = n };
    struct iommu_hwpt_invalidate i = { .size = sizeof i, .hwpt_id = nested_id, .data_uptr = (uintptr_t)&e, .data_type = IOMMU_HWPT_INVALIDATE_DATA_VTD_S1,
                                       .entry_len = sizeof e, .entry_num = 1 };
    if (ioctl(ifd, IOMMU_HWPT_INVALIDATE, &i)) die("HWPT_INVALIDATE");
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    int width = argc > 1 ? atoi(argv[1]) : 48;
    levels = width == 57 ? 5 : 4;
    ifd = open("/dev/iommu", O_RDWR);
    dfd = open("/dev/vfio/devices/vfio0", O_RDWR);
    if (ifd < 0 || dfd < 0) die("open");
    struct vfio_device_bind_iommufd b = { .argsz = sizeof b, .iommufd = ifd };
    if (ioctl(dfd, VFIO_DEVICE_BIND_IOMMUFD, &b)) die("BIND_IOMMUFD");
    struct iommu_hw_info_vtd hv = {};
    struct iommu_hw_info hi = { .size = sizeof hi, .dev_id = b.out_devid, .data_len = sizeof hv, .data_uptr = (uintptr_t)&hv };
    if (ioctl(ifd, IOMMU_GET_HW_INFO, &hi)) die("GET_HW_INFO");
    printf("NESTED: hw info type %u cap %#llx ecap %#llx\n", hi.out_data_type, (unsigned long long)hv.cap_reg, (unsigned long long)hv.ecap_reg);
    struct iommu_ioas_alloc ia = { .size = sizeof ia };
    if (ioctl(ifd, IOMMU_IOAS_ALLOC, &ia)) die("IOAS_ALLOC");
    ioas_id = ia.out_ioas_id;
    ram = mmap(NULL, PAGES * 4096 + (2 << 20), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (ram == MAP_FAILED) die("mmap");
    for (unsigned i = 0; i < PAGES; i++) {                     /* touched out of order: frames not in a row */
        unsigned p = i * 1237 % PAGES;
        uint64_t *w = (uint64_t *)(ram + p * 4096ull);
        for (int k = 0; k < 512; k++) w[k] = 0xC0DE000000000000ull | (GPA + p * 4096ull + 8 * k);
    }
    struct iommu_ioas_map m = { .size = sizeof m, .flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE, .ioas_id = ioas_id,
                                .user_va = (uintptr_t)ram, .length = PAGES * 4096ull, .iova = GPA };
    if (ioctl(ifd, IOMMU_IOAS_MAP, &m)) die("IOAS_MAP");
    struct iommu_hwpt_alloc pa = { .size = sizeof pa, .flags = IOMMU_HWPT_ALLOC_NEST_PARENT, .dev_id = b.out_devid, .pt_id = ioas_id };
    if (ioctl(ifd, IOMMU_HWPT_ALLOC, &pa)) die("HWPT_ALLOC parent");

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
    map(ro, GPA + 1100 * 4096, 1, 5);
    map(sup, GPA + 1101 * 4096, 1, 3);
    map(hole, GPA + 0x10000000ull, 1, 7);                      /* a guest address that the second stage does not map */
    map(late, GPA + 1102 * 4096, 1, 7);

    struct iommu_hwpt_vtd_s1 s1 = { .pgtbl_addr = root, .addr_width = width };
    struct iommu_hwpt_alloc na = { .size = sizeof na, .dev_id = b.out_devid, .pt_id = pa.out_hwpt_id, .data_type = IOMMU_HWPT_DATA_VTD_S1, .data_len = sizeof s1,
                                   .data_uptr = (uintptr_t)&s1 };
    if (ioctl(ifd, IOMMU_HWPT_ALLOC, &na)) die("HWPT_ALLOC nested");
    nested_id = na.out_hwpt_id;
    struct vfio_device_attach_iommufd_pt at_ = { .argsz = sizeof at_, .pt_id = nested_id };
    if (ioctl(dfd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &at_)) die("ATTACH nested");
    struct vfio_region_info ri = { .argsz = sizeof ri, .index = VFIO_PCI_CONFIG_REGION_INDEX };
    ioctl(dfd, VFIO_DEVICE_GET_REGION_INFO, &ri);
    uint16_t cmd = 6;
    pwrite(dfd, &cmd, 2, ri.offset + 4);
    ri = (struct vfio_region_info){ .argsz = sizeof ri, .index = 0 };
    if (ioctl(dfd, VFIO_DEVICE_GET_REGION_INFO, &ri)) die("REGION_INFO");
    bar = mmap(NULL, ri.size, PROT_READ | PROT_WRITE, MAP_SHARED, dfd, ri.offset);
    if (bar == MAP_FAILED) die("mmap BAR");
    printf("NESTED: attached, %d-level first stage, tables use %u pages\n", levels, next_page);

    /* what every address means, for a capture of this moment: accesses in the terms of guest-physical addresses */
    for (int i = 0; i < N; i++) {
        unsigned o = (i * 72 + i % 7) & 0xfff;
        printf("ROW %c %llx %llx\n", i & 1 ? 'w' : 'r', (unsigned long long)va[i] + o, (unsigned long long)gpa[i] + o);
        printf("ROW %c %llx %llx\n", i & 1 ? 'r' : 'w', (unsigned long long)va[i] + 4095, (unsigned long long)gpa[i] + 4095);
    }
    for (int k = 0; k < 512; k += 5)
        printf("ROW %c %llx %llx\n", k & 1 ? 'w' : 'r', (unsigned long long)big + k * 4096ull + k, (unsigned long long)biggpa + k * 4096ull + k);
    printf("ROW r %llx %llx\n", (unsigned long long)ro, (unsigned long long)GPA + 1100 * 4096);
    printf("FROW w %llx 85\nFROW r %llx 81\nFROW w %llx 81\nFROW r %llx 71\nFROW w %llx 71\nFROW r %llx 79\nFROW w %llx 79\nFROW r %llx 80\nFROW r %llx 71\n",
           (unsigned long long)ro, (unsigned long long)sup, (unsigned long long)sup, (unsigned long long)none, (unsigned long long)none,
           (unsigned long long)hole, (unsigned long long)hole, width == 57 ? 0x0100000000000000ull : 0x0000800000000000ull, 0x70000000ull);
    printf("ROWS-END\n");

    uint64_t v;
    for (int i = 0; i < N; i++) {
        unsigned o = (i * 72) & 0xff8;
        check("status of read", va[i] + o, dma_read(va[i] + o, &v), 1);
        check("read", va[i] + o, v, 0xC0DE000000000000ull | (gpa[i] + o));
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
        check("2M read", big + k * 4096ull, v, 0xC0DE000000000000ull | (biggpa + k * 4096ull + 8 * (k % 512)));
    }
    check("read-only: read", ro, dma_read(ro, &v), 1);
    fault("read-only: write", ro, 1, 0x85);
    fault("supervisor", sup, 0, 0x81);
    fault("not present", none, 0, 0x71);
    fault("not canonical", width == 57 ? 0x0100000000000000ull : 0x0000800000000000ull, 0, 0x80);
    fault("no second stage", hole, 0, 0x79);
    fault("no second stage", hole, 1, 0x79);
    check("late: read", late, dma_read(late, &v), 1);
    check("late: old page", late, v, 0xC0DE000000000000ull | (GPA + 1102 * 4096));
    *slot(late, 1, 0) = (GPA + 1103 * 4096) | 7;
    invalidate(late, 1);
    check("late: read again", late, dma_read(late, &v), 1);
    check("late: new page", late, v, 0xC0DE000000000000ull | (GPA + 1103 * 4096));
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
        check("moved: read", va[i], v, 0xC0DE000000000000ull | (gpa[i] + 16));
    }
    /* the second stage changes under it: the whole range goes, then comes back at other frames */
    struct iommu_ioas_unmap u = { .size = sizeof u, .ioas_id = ioas_id, .iova = GPA, .length = PAGES * 4096ull };
    if (ioctl(ifd, IOMMU_IOAS_UNMAP, &u)) die("IOAS_UNMAP");
    unsigned s = dma_read(va[0], &v);
    check("second stage unmapped: refused", va[0], s & 0xff, 2);
    printf("NESTED: code after unmapping the second stage: %#x\n", s >> 8);
    char *copy = mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memcpy(copy, ram, PAGES * 4096);
    munmap(ram, PAGES * 4096);
    ram = copy;
    m.user_va = (uintptr_t)ram;
    if (ioctl(ifd, IOMMU_IOAS_MAP, &m)) die("IOAS_MAP again");
    for (int i = 0; i < N; i++) {
        check("mapped again: status", va[i], dma_read(va[i] + 24, &v), 1);
        check("mapped again: read", va[i], v, 0xC0DE000000000000ull | (gpa[i] + 24));
        check("mapped again: write", va[i], dma_write(va[i] + 24, i), 1);
        check("mapped again: written", va[i], *(volatile uint64_t *)((char *)at(gpa[i]) + 24), i);
        *(uint64_t *)((char *)at(gpa[i]) + 24) = 0xC0DE000000000000ull | (gpa[i] + 24);
    }
    printf("NESTED-%s: %u checks good, %u wrong\n", wrong ? "BAD" : "GOOD", good, wrong);
    return wrong != 0;
}
