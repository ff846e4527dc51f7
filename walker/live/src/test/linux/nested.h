/*
 * What the programs for nested translation share: memory of the guest's own, mapped for the test function by Linux's iommufd, and the function's registers.
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
typedef unsigned long long u64;                                /* as printf wants it */
static char *ram;
static volatile char *bar;
static unsigned next_page = 1, good, wrong;
static int ifd, dfd;
static uint32_t dev, ioas_id;

static uint64_t *at(uint64_t gpa) { return (uint64_t *)(ram + (gpa - GPA)); }
static uint64_t page(void) { uint64_t g = GPA + (uint64_t)next_page++ * 4096; memset(at(g), 0, 4096); return g; }
static int die(const char *what) { printf("NESTED: %s: %s\n", what, strerror(errno)); exit(1); }

/* The test function's registers: TestFunction.java. */
enum {
    ADDRESS = 0x08, PASID = 0x10, DATA = 0x18, COMMAND = 0x28, STATUS = 0x2c, INVALIDATIONS = 0x38,
    READ = 1, WRITE = 2, TRANSLATE = 6, READ_TRANSLATED = 8, BUSY = 3
};
#define NO_PASID (1u << 31)

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
static uint64_t marked(uint64_t gpa) { return 0xC0DE000000000000ull | gpa; }

static void bind(void)
{
    ifd = open("/dev/iommu", O_RDWR);
    dfd = open("/dev/vfio/devices/vfio0", O_RDWR);
    if (ifd < 0 || dfd < 0) die("open");
    struct vfio_device_bind_iommufd b = { .argsz = sizeof b, .iommufd = ifd };
    if (ioctl(dfd, VFIO_DEVICE_BIND_IOMMUFD, &b)) die("BIND_IOMMUFD");
    dev = b.out_devid;
}

/* 8 MiB, each 8 bytes of which hold their own guest-physical address; an address space and a nesting parent for it. */
static void map_ram(void)
{
    struct iommu_ioas_map m = { .size = sizeof m, .flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE, .ioas_id = ioas_id,
                                .user_va = (uintptr_t)ram, .length = PAGES * 4096ull, .iova = GPA };
    if (ioctl(ifd, IOMMU_IOAS_MAP, &m)) die("IOAS_MAP");
}
static uint32_t parent_of_ram(uint32_t flags)
{
    struct iommu_ioas_alloc ia = { .size = sizeof ia };
    if (ioctl(ifd, IOMMU_IOAS_ALLOC, &ia)) die("IOAS_ALLOC");
    ioas_id = ia.out_ioas_id;
    ram = mmap(NULL, PAGES * 4096 + (2 << 20), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (ram == MAP_FAILED) die("mmap");
    for (unsigned i = 0; i < PAGES; i++) {                     /* touched out of order: frames not in a row */
        unsigned p = i * 1237 % PAGES;
        uint64_t *w = (uint64_t *)(ram + p * 4096ull);
        for (int k = 0; k < 512; k++) w[k] = marked(GPA + p * 4096ull + 8 * k);
    }
    map_ram();
    struct iommu_hwpt_alloc pa = { .size = sizeof pa, .flags = IOMMU_HWPT_ALLOC_NEST_PARENT | flags, .dev_id = dev, .pt_id = ioas_id };
    if (ioctl(ifd, IOMMU_HWPT_ALLOC, &pa)) die("HWPT_ALLOC parent");
    return pa.out_hwpt_id;
}
static void unmap_ram(void)
{
    struct iommu_ioas_unmap u = { .size = sizeof u, .ioas_id = ioas_id, .iova = GPA, .length = PAGES * 4096ull };
    if (ioctl(ifd, IOMMU_IOAS_UNMAP, &u)) die("IOAS_UNMAP");
}
/* The same bytes in other frames. */
static void map_ram_elsewhere(void)
{
    char *copy = mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memcpy(copy, ram, PAGES * 4096);
    munmap(ram, PAGES * 4096);
    ram = copy;
    map_ram();
}

static void attach(uint32_t table, uint32_t flags, uint32_t pasid)
{
    struct vfio_device_attach_iommufd_pt a = { .argsz = sizeof a, .flags = flags, .pt_id = table, .pasid = pasid };
    if (ioctl(dfd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &a)) die("ATTACH");
}

/* Memory space and bus master on; the registers. */
static void open_registers(void)
{
    struct vfio_region_info ri = { .argsz = sizeof ri, .index = VFIO_PCI_CONFIG_REGION_INDEX };
    ioctl(dfd, VFIO_DEVICE_GET_REGION_INFO, &ri);
    uint16_t cmd = 6;
    if (pwrite(dfd, &cmd, 2, ri.offset + 4) != 2) die("command register");
    ri = (struct vfio_region_info){ .argsz = sizeof ri, .index = 0 };
    if (ioctl(dfd, VFIO_DEVICE_GET_REGION_INFO, &ri)) die("REGION_INFO");
    bar = mmap(NULL, ri.size, PROT_READ | PROT_WRITE, MAP_SHARED, dfd, ri.offset);
    if (bar == MAP_FAILED) die("mmap BAR");
}

/* For a capture of this moment: what an address means, in terms of guest-physical addresses; what is refused. */
static void row(char access, const char *pasid, uint64_t va, uint64_t gpa) { printf("ROW %c %s %llx %llx\n", access, pasid, (u64)va, (u64)gpa); }
static void refused(char access, const char *pasid, uint64_t va, unsigned code) { printf("FROW %c %s %llx %x\n", access, pasid, (u64)va, code); }
static void rows_end(void)
{
    printf("ROWS-END\n");
    getchar();                                                 /* memory stands still while it is captured */
}
static void result(const char *what) { printf("%s-%s: %u checks good, %u wrong\n", what, wrong ? "BAD" : "GOOD", good, wrong); }
