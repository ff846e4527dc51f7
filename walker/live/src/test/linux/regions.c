/*
 * Guest user program: asks Linux's iommufd which addresses are usable while the test function is attached directly, under a nested table, with a PASID,
 * and back. Each line is an operation with Linux's answer, in the form that "nestwalk regions replay" answers anew:   regions DEVICE
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

#define PAGE 4096ull
#define BUFFER (4ull << 20)
#define RID (-1)

typedef unsigned long long u64;
struct range { u64 first, last; };
struct object { const char *name; uint32_t id; };

static int ifd, dfd;
static uint32_t dev;
static char *buffer;
static struct range region[16];
static int regions;
static u64 end;                                                /* last address of the widest table seen */

static const char *word(int failed)
{
    if (!failed) return "ok";
    switch (errno) {
    case EPERM: return "EPERM";
    case ENOENT: return "ENOENT";
    case EBUSY: return "EBUSY";
    case EEXIST: return "EEXIST";
    case EINVAL: return "EINVAL";
    case ENOSPC: return "ENOSPC";
    case EOVERFLOW: return "EOVERFLOW";
    case EOPNOTSUPP: return "EOPNOTSUPP";
    case EMSGSIZE: return "EMSGSIZE";
    case EADDRINUSE: return "EADDRINUSE";
    default: return strerror(errno);
    }
}

static struct object ioas(const char *name)
{
    struct iommu_ioas_alloc a = { .size = sizeof a };
    int r = ioctl(ifd, IOMMU_IOAS_ALLOC, &a);
    printf("ioas %s -> %s\n", name, word(r));
    return (struct object){ name, a.out_ioas_id };
}
static struct object table(const char *name, struct object space, uint32_t flags)
{
    struct iommu_hwpt_alloc a = { .size = sizeof a, .flags = flags, .dev_id = dev, .pt_id = space.id };
    int r = ioctl(ifd, IOMMU_HWPT_ALLOC, &a);
    printf("table %s %s in %s%s -> %s\n", name, flags & IOMMU_HWPT_ALLOC_NEST_PARENT ? "parent" : "paging", space.name,
           flags & IOMMU_HWPT_ALLOC_PASID ? " pasids" : "", word(r));
    return (struct object){ name, a.out_hwpt_id };
}
#ifdef __aarch64__
#define UNIT "smmuv3"
enum { PARENT_PASIDS = 0, NESTED_PASIDS = 0 };                 /* substreams come with the guest's table of CDs */

static struct { uint32_t parent, viommu, vdevice; } seen[4];
static int parents;
/* The guest's SMMU over a parent, with the device in it: in the first one only, since a device has one place. */
static uint32_t viommu(struct object parent, int *vdevice)
{
    int i = 0;
    while (i < parents && seen[i].parent != parent.id) i++;
    if (i == parents) {
        struct iommu_viommu_alloc v = { .size = sizeof v, .type = IOMMU_VIOMMU_TYPE_ARM_SMMUV3, .dev_id = dev, .hwpt_id = parent.id };
        if (ioctl(ifd, IOMMU_VIOMMU_ALLOC, &v)) printf("viommu on %s -> %s\n", parent.name, word(1));
        struct iommu_vdevice_alloc d = { .size = sizeof d, .viommu_id = v.out_viommu_id, .dev_id = dev, .virt_id = 7 };
        seen[parents].vdevice = ioctl(ifd, IOMMU_VDEVICE_ALLOC, &d) ? 0 : d.out_vdevice_id;
        seen[parents].parent = parent.id;
        seen[parents++].viommu = v.out_viommu_id;
    }
    *vdevice = seen[i].vdevice != 0;
    return seen[i].viommu;
}
static struct object nested(const char *name, struct object parent, uint32_t flags)
{
    int vdevice;
    struct iommu_hwpt_arm_smmuv3 ste = { .ste = { 1 | 5 << 1 | 0x40000000, 1 << 2 | 1 << 4 | 3 << 6 } };
    struct iommu_hwpt_alloc a = { .size = sizeof a, .flags = flags, .dev_id = dev, .pt_id = viommu(parent, &vdevice),
                                  .data_type = IOMMU_HWPT_DATA_ARM_SMMUV3, .data_len = sizeof ste, .data_uptr = (uintptr_t)&ste };
    int r = ioctl(ifd, IOMMU_HWPT_ALLOC, &a);
    printf("nested %s on %s%s%s -> %s\n", name, parent.name, flags ? " pasids" : "", vdevice ? "" : " without vdevice", word(r));
    return (struct object){ name, a.out_hwpt_id };
}
static void release(void)
{
    for (int i = 0; i < parents; i++) {
        struct iommu_destroy d = { .size = sizeof d, .id = seen[i].vdevice };
        if (d.id) ioctl(ifd, IOMMU_DESTROY, &d);
        d.id = seen[i].viommu;
        ioctl(ifd, IOMMU_DESTROY, &d);
    }
}
#else
#define UNIT "vtd"
enum { PARENT_PASIDS = IOMMU_HWPT_ALLOC_PASID, NESTED_PASIDS = IOMMU_HWPT_ALLOC_PASID };

static struct object nested(const char *name, struct object parent, uint32_t flags)
{
    struct iommu_hwpt_vtd_s1 s1 = { .pgtbl_addr = 0x40000000, .addr_width = 48 };
    struct iommu_hwpt_alloc a = { .size = sizeof a, .flags = flags, .dev_id = dev, .pt_id = parent.id, .data_type = IOMMU_HWPT_DATA_VTD_S1,
                                  .data_len = sizeof s1, .data_uptr = (uintptr_t)&s1 };
    int r = ioctl(ifd, IOMMU_HWPT_ALLOC, &a);
    printf("nested %s on %s%s -> %s\n", name, parent.name, flags ? " pasids" : "", word(r));
    return (struct object){ name, a.out_hwpt_id };
}
static void release(void) {}
#endif

static void destroy(struct object o)
{
    struct iommu_destroy d = { .size = sizeof d, .id = o.id };
    int r = ioctl(ifd, IOMMU_DESTROY, &d);
    printf("destroy %s -> %s\n", o.name, word(r));
}
static void attach(struct object o, int pasid)
{
    struct vfio_device_attach_iommufd_pt a = { .argsz = sizeof a, .pt_id = o.id };
    if (pasid != RID) { a.flags = VFIO_DEVICE_ATTACH_PASID; a.pasid = pasid; }
    int r = ioctl(dfd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &a);
    if (pasid == RID) printf("attach %s -> %s\n", o.name, word(r));
    else printf("attach %s pasid 0x%x -> %s\n", o.name, pasid, word(r));
}
static void detach(int pasid)
{
    struct vfio_device_detach_iommufd_pt d = { .argsz = sizeof d };
    if (pasid != RID) { d.flags = VFIO_DEVICE_DETACH_PASID; d.pasid = pasid; }
    int r = ioctl(dfd, VFIO_DEVICE_DETACH_IOMMUFD_PT, &d);
    if (pasid == RID) printf("detach -> %s\n", word(r));
    else printf("detach pasid 0x%x -> %s\n", pasid, word(r));
}
static void ranges(struct object space)
{
    struct iommu_iova_range r[32];
    struct iommu_ioas_iova_ranges a = { .size = sizeof a, .ioas_id = space.id, .num_iovas = 32, .allowed_iovas = (uintptr_t)r };
    if (ioctl(ifd, IOMMU_IOAS_IOVA_RANGES, &a)) { printf("ranges %s -> %s\n", space.name, word(1)); return; }
    printf("ranges %s alignment 0x%llx:", space.name, (u64)a.out_iova_alignment);
    for (unsigned i = 0; i < a.num_iovas; i++) printf(" 0x%llx-0x%llx", (u64)r[i].start, (u64)r[i].last);
    printf("\n");
}
/* What a kind of table can translate at all: the usable ranges of an address space that has such a table and no device. */
static u64 aperture(const char *kind, uint32_t flags)
{
    struct iommu_ioas_alloc a = { .size = sizeof a };
    ioctl(ifd, IOMMU_IOAS_ALLOC, &a);
    struct iommu_hwpt_alloc t = { .size = sizeof t, .flags = flags, .dev_id = dev, .pt_id = a.out_ioas_id };
    struct iommu_iova_range r = { };
    struct iommu_ioas_iova_ranges q = { .size = sizeof q, .ioas_id = a.out_ioas_id, .num_iovas = 1, .allowed_iovas = (uintptr_t)&r };
    if (ioctl(ifd, IOMMU_HWPT_ALLOC, &t) || ioctl(ifd, IOMMU_IOAS_IOVA_RANGES, &q)) printf("aperture of a %s table -> %s\n", kind, word(1));
    printf("aperture %s 0x%llx-0x%llx\n", kind, (u64)r.start, (u64)r.last);
    struct iommu_destroy d = { .size = sizeof d, .id = t.out_hwpt_id };
    ioctl(ifd, IOMMU_DESTROY, &d);
    d.id = a.out_ioas_id;
    ioctl(ifd, IOMMU_DESTROY, &d);
    return r.last;
}
static void allow(struct object space, int n, const struct range *open)
{
    struct iommu_iova_range r[4];
    for (int i = 0; i < n; i++) r[i] = (struct iommu_iova_range){ open[i].first, open[i].last };
    struct iommu_ioas_allow_iovas a = { .size = sizeof a, .ioas_id = space.id, .num_iovas = n, .allowed_iovas = (uintptr_t)r };
    int e = ioctl(ifd, IOMMU_IOAS_ALLOW_IOVAS, &a);
    printf("allow %s", space.name);
    for (int i = 0; i < n; i++) printf(" 0x%llx-0x%llx", open[i].first, open[i].last);
    printf(" -> %s\n", word(e));
}
static int map(struct object space, u64 iova, u64 length)
{
    struct iommu_ioas_map m = { .size = sizeof m, .flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE,
                                .ioas_id = space.id, .user_va = (uintptr_t)buffer, .length = length, .iova = iova };
    int r = ioctl(ifd, IOMMU_IOAS_MAP, &m);
    printf("map %s 0x%llx 0x%llx -> %s\n", space.name, iova, length, word(r));
    return !r;
}
static void unmap(struct object space, u64 iova, u64 length)
{
    struct iommu_ioas_unmap u = { .size = sizeof u, .ioas_id = space.id, .iova = iova, .length = length };
    int r = ioctl(ifd, IOMMU_IOAS_UNMAP, &u);
    printf("unmap %s 0x%llx 0x%llx -> %s\n", space.name, iova, length, word(r));
}
static void attempt(struct object space, u64 iova, u64 length)
{
    if (map(space, iova, length)) unmap(space, iova, length);
}

/* What is usable now, and maps in and around every region and at the ends. */
static void probe(struct object space)
{
    ranges(space);
    for (int i = 0; i < regions; i++) {
        u64 first = region[i].first, last = region[i].last, size = last - first + 1;
        u64 spots[] = { first - PAGE, first, last + 1 - PAGE, last + 1, (first + size / 2) & -PAGE };
        for (int k = 0; k < 5; k++) attempt(space, spots[k], PAGE);
        attempt(space, first - PAGE, 2 * PAGE);
        attempt(space, last + 1 - PAGE, 2 * PAGE);
        if (size <= BUFFER - 2 * PAGE) { attempt(space, first, size); attempt(space, first - PAGE, size + 2 * PAGE); }
    }
    attempt(space, 0, PAGE);
    attempt(space, end + 1 - PAGE, PAGE);
    attempt(space, end + 1 - PAGE, 2 * PAGE);
    attempt(space, end + 1, PAGE);
    attempt(space, -PAGE, PAGE);
    attempt(space, 0x123456789, PAGE);
    attempt(space, 0x40000000, 0);
}

static void read_regions(const char *device)
{
    char path[128], line[128], kind[32];
    snprintf(path, sizeof path, "/sys/bus/pci/devices/%s/iommu_group/reserved_regions", device);
    FILE *f = fopen(path, "r");
    while (f && regions < 16 && fgets(line, sizeof line, f))
        if (sscanf(line, "%llx %llx %31s", &region[regions].first, &region[regions].last, kind) == 3) {
            printf("region 0x%llx 0x%llx %s\n", region[regions].first, region[regions].last, kind);
            regions++;
        }
    if (f) fclose(f);
}

int main(int argc, char **argv)
{
    enum { PASID = 0x51 };
    setvbuf(stdout, NULL, _IOLBF, 0);
    ifd = open("/dev/iommu", O_RDWR);
    dfd = open("/dev/vfio/devices/vfio0", O_RDWR);
    buffer = mmap(NULL, BUFFER, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (ifd < 0 || dfd < 0 || buffer == MAP_FAILED || argc < 2) { perror("regions"); return 1; }
    read_regions(argv[1]);
    struct vfio_device_bind_iommufd b = { .argsz = sizeof b, .iommufd = ifd };
    int r = ioctl(dfd, VFIO_DEVICE_BIND_IOMMUFD, &b);
    printf("bind " UNIT " pasids -> %s\n", word(r));
    if (r) { printf("REGIONS-END\n"); return 0; }
    dev = b.out_devid;

    end = aperture("paging", 0);
    u64 wide = aperture("parent", IOMMU_HWPT_ALLOC_NEST_PARENT);
    if (wide > end) end = wide;

    struct object a = ioas("A");
    printf("# an empty address space\n");
    probe(a);
    struct object s = table("S", a, IOMMU_HWPT_ALLOC_NEST_PARENT | PARENT_PASIDS);
    struct object n = nested("N", s, NESTED_PASIDS);
    printf("# tables, nothing attached\n");
    probe(a);
    attach(s, RID);
    printf("# attached directly\n");
    probe(a);
    attach(n, RID);
    printf("# nested\n");
    probe(a);
    attach(s, RID);
    printf("# and back\n");
    probe(a);
    detach(RID);
    printf("# detached\n");
    probe(a);

    printf("# regions are mapped: may a device come?\n");
    for (int i = 0; i < regions; i++) {
        u64 at = region[i].first;
        map(a, at, PAGE);
        attach(s, RID); ranges(a); detach(RID);
        attach(n, RID); ranges(a); detach(RID);
        attach(n, PASID); ranges(a);
        attach(n, RID); ranges(a); detach(RID);
        unmap(a, at, PAGE);
        attach(n, RID); ranges(a); map(a, at, PAGE); detach(RID);
        detach(PASID);
        unmap(a, at, PAGE);
    }
    attach(n, PASID);
    printf("# nested, with a PASID alone\n");
    probe(a);
    attach(s, RID);
    printf("# and directly without one\n");
    probe(a);
    attach(s, PASID);
    printf("# and directly with one\n");
    probe(a);
    detach(RID);
    printf("# directly with a PASID alone\n");
    probe(a);
    detach(PASID);

    printf("# ranges that stay usable\n");
    for (int i = 0; i < regions; i++) {
        struct range open = { region[i].first - PAGE, region[i].last + PAGE }, beside = { 0x40000000, 0x4fffffff };
        allow(a, 1, &open);
        attach(s, RID); detach(RID); attach(n, RID); detach(RID);
        allow(a, 1, &beside);
        attach(n, RID); ranges(a);
        allow(a, 1, &open); ranges(a);
        detach(RID);
        allow(a, 0, &open);
    }

    printf("# tables that do not take PASIDs\n");
    struct object p = table("P", a, 0), q = table("Q", a, IOMMU_HWPT_ALLOC_NEST_PARENT), m = nested("M", s, 0);
    attach(p, PASID); attach(q, PASID); attach(m, PASID);
    attach(p, RID); ranges(a); attach(n, PASID); attach(q, RID); attach(n, PASID); attach(m, RID); attach(n, PASID); ranges(a);
    attach(n, RID); attach(n, PASID); attach(p, RID); attach(m, RID); ranges(a);
    printf("# a replacement was refused: the old table is still attached\n");
    attempt(a, region[regions - 1].first, PAGE); attempt(a, 0x800000000000, PAGE);
    detach(PASID); detach(RID); attach(n, RID); attach(n, PASID); ranges(a);
    destroy(n); destroy(s); destroy(a);
    detach(PASID); detach(RID);
    printf("# a paging table that takes PASIDs\n");
    struct object v = table("V", a, IOMMU_HWPT_ALLOC_PASID);
    attach(v, PASID); ranges(a); attach(v, RID); ranges(a);
    attach(s, RID); ranges(a); attach(n, RID); ranges(a); attach(p, RID); ranges(a);
    detach(PASID); attach(s, RID); ranges(a); attach(v, PASID); ranges(a);
    detach(PASID); detach(RID);
    attach(v, PASID); attach(n, RID); ranges(a); attach(p, RID); ranges(a);
    detach(PASID); detach(RID); destroy(v);
    printf("# another address space\n");
    struct object c = ioas("C"), t = table("T", c, IOMMU_HWPT_ALLOC_NEST_PARENT | PARENT_PASIDS), o = nested("O", t, NESTED_PASIDS);
    attach(n, RID); ranges(a); ranges(c);
    map(c, region[regions - 1].first, PAGE);
    attach(o, RID); ranges(a); ranges(c); attach(t, RID); ranges(a); ranges(c);
    unmap(c, region[regions - 1].first, PAGE);
    attach(o, RID); ranges(a); ranges(c);
    detach(RID);
    printf("# attached to address spaces\n");
    attach(a, RID); probe(a); ranges(c);
    attach(c, RID); ranges(a); ranges(c);
    map(a, region[regions - 1].first, PAGE); attach(a, RID); ranges(a); ranges(c); unmap(a, region[regions - 1].first, PAGE);
    attach(c, PASID);
    detach(RID);
    attach(c, PASID); ranges(c);
    detach(PASID);
    destroy(o); destroy(m); destroy(n);
    release();
    destroy(t); destroy(q); destroy(p); destroy(s);
    destroy(a); destroy(c);
    printf("REGIONS-END\n");
    return 0;
}
