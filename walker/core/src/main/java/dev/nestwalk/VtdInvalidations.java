package dev.nestwalk;

import dev.nestwalk.format.Structure;
import dev.nestwalk.iotlb.InvalidationLog;
import dev.nestwalk.vtd.Cap;
import dev.nestwalk.vtd.InvalidationDescriptor;
import dev.nestwalk.vtd.RootTableAddress;
import dev.nestwalk.vtd.VtdConfig;
import java.util.function.Supplier;

/**
 * Invalidations of a VT-d unit (VT-d 6.5): one method per architectural granularity, and {@link
 * #submit} for descriptors as software queues them. They take effect in the order of the calls;
 * {@code Iommu.sync()} stands for a wait descriptor and waits until all translators have applied
 * them.
 *
 * <p>More may be dropped than asked for where the architecture permits it. A page-selective
 * invalidation of the second stage drops all translations of that domain that went through a first
 * stage, because the cache does not record the intermediate address behind a nested translation.
 *
 * <p>Threads: any. Nothing is allocated.
 */
public final class VtdInvalidations {
  /** The descriptor was carried out. */
  public static final int DONE = 0;

  /** IQERCD.IQEI: no such descriptor type. */
  public static final int INVALID_TYPE = 3;

  /** IQERCD.IQEI: a reserved bit is set, or a field has a value that it must not have. */
  public static final int RESERVED_FIELD = 4;

  /** IQERCD.IQEI: a 256-bit descriptor in a queue of 128-bit ones. */
  public static final int INVALID_WIDTH = 5;

  /** IQERCD.IQEI: the descriptor needs scalable mode. */
  public static final int INVALID_MODE = 7;

  private final Supplier<VtdConfig> config;
  private final InvalidationLog log;

  /**
   * Invalidations that are written to {@code log}, interpreted under the registers now in force.
   */
  VtdInvalidations(Supplier<VtdConfig> config, InvalidationLog log) {
    this.config = config;
    this.log = log;
  }

  /** Context-cache, global: every resolved configuration. */
  public void contextGlobal() {
    log.configurations();
  }

  /**
   * Context-cache, domain-selective. In scalable mode context entries have no domain, so it is
   * global there.
   *
   * @param domain 16 bits; here and elsewhere, those beyond CAP.ND are ignored
   */
  public void contextDomain(int domain) {
    if (config.get().mode() == RootTableAddress.TTM_LEGACY) {
      log.configurationsIn(id(domain), -1);
    } else {
      log.configurations();
    }
  }

  /**
   * Context-cache, device-selective.
   *
   * @param sourceId 16 bits
   * @param functionMask FM, 0 to 3: how many of the upper function-number bits are ignored
   */
  public void contextDevice(int sourceId, int functionMask) {
    int ignored =
        switch (functionMask & 3) {
          case 0 -> 0;
          case 1 -> 4;
          case 2 -> 6;
          default -> 7;
        };
    log.configurationsOf(sourceId & 0xffff, ignored);
  }

  /** PASID-cache, global. */
  public void pasidGlobal() {
    log.configurations();
  }

  /** PASID-cache, domain-selective: every PASID of a domain. */
  public void pasidDomain(int domain) {
    log.configurationsIn(id(domain), -1);
  }

  /** PASID-cache, PASID-selective within a domain. */
  public void pasid(int domain, int pasid) {
    log.configurationsIn(id(domain), pasid & 0xf_ffff);
  }

  /** IOTLB, global. */
  public void iotlbGlobal() {
    log.everything();
  }

  /** IOTLB, domain-selective. */
  public void iotlbDomain(int domain) {
    log.domain(id(domain));
  }

  /**
   * IOTLB, page-selective within a domain.
   *
   * @param address any address in the first page; bits beyond CAP.MGAW are ignored
   * @param addressMask AM: 2^AM pages of 4 KiB, aligned to their size
   * @param leafOnly IH: no entry that points to a table has changed
   */
  public void iotlbPages(int domain, long address, int addressMask, boolean leafOnly) {
    long within = within(addressMask);
    // Address bits beyond the unit's width are ignored (6.5.2.3).
    long input = (1L << config.get().capabilities().guestAddressWidth()) - 1;
    log.secondRange(id(domain), address & ~within & input, (address | within) & input, leafOnly);
  }

  /** PASID-based IOTLB, PASID-selective. */
  public void pasidIotlb(int domain, int pasid) {
    log.process(id(domain), pasid & 0xf_ffff);
  }

  /**
   * PASID-based IOTLB, page-selective within a PASID.
   *
   * @param address any address in the first page
   * @param addressMask AM: 2^AM pages of 4 KiB, aligned to their size
   * @param leafOnly IH: no entry that points to a table has changed
   */
  public void pasidIotlbPages(
      int domain, int pasid, long address, int addressMask, boolean leafOnly) {
    long within = within(addressMask);
    log.firstRange(id(domain), pasid & 0xf_ffff, address & ~within, address | within, leafOnly);
  }

  /** A domain id without the bits that the unit does not have, which commands may hold (6.5.2). */
  private int id(int domain) {
    return domain & 0xffff & ~(int) config.get().capabilities().unsupportedDomainBits();
  }

  private static long within(int addressMask) {
    return addressMask >= 52 ? -1 : (4096L << addressMask) - 1;
  }

  /**
   * Carries out a 128-bit descriptor. Device-TLB, interrupt-entry, wait and page-group descriptors
   * concern no cache of a translator; they are the queue's to check.
   *
   * @return {@link #DONE} or the error that IQERCD.IQEI reports; nothing is dropped in that case
   */
  public int submit(long low, long high) {
    int type = InvalidationDescriptor.type(low);
    if (type == InvalidationDescriptor.PASID_IOTLB || type == InvalidationDescriptor.PASID_CACHE) {
      return INVALID_WIDTH;
    }
    return carryOut(type, low, high);
  }

  /**
   * Carries out a 256-bit descriptor. Device-TLB, interrupt-entry, wait and page-group descriptors
   * concern no cache of a translator; they are the queue's to check.
   *
   * @return {@link #DONE} or the error that IQERCD.IQEI reports; nothing is dropped in that case
   */
  public int submit(long word0, long word1, long word2, long word3) {
    int type = InvalidationDescriptor.type(word0);
    // The upper half of a page group response is private data of the device.
    boolean reserved = type != InvalidationDescriptor.PAGE_GROUP_RESPONSE;
    return reserved && (word2 | word3) != 0 ? RESERVED_FIELD : carryOut(type, word0, word1);
  }

  private int carryOut(int type, long low, long high) {
    return switch (type) {
      case InvalidationDescriptor.CONTEXT -> context(low, high);
      case InvalidationDescriptor.IOTLB -> iotlb(low, high);
      case InvalidationDescriptor.PASID_IOTLB -> pasidIotlb(low, high);
      case InvalidationDescriptor.PASID_CACHE -> pasidCache(low, high);
      case InvalidationDescriptor.DEVICE_TLB,
          InvalidationDescriptor.INTERRUPT_ENTRY,
          InvalidationDescriptor.WAIT,
          InvalidationDescriptor.PASID_DEVICE_TLB,
          InvalidationDescriptor.PAGE_GROUP_RESPONSE ->
          DONE;
      default -> INVALID_TYPE;
    };
  }

  private static boolean isReserved(Structure structure, long low, long high) {
    return (low & structure.reserved(0) | high & structure.reserved(1)) != 0;
  }

  private int context(long low, long high) {
    if (isReserved(InvalidationDescriptor.CONTEXT_CACHE, low, high)) {
      return RESERVED_FIELD;
    }
    int domain = (int) InvalidationDescriptor.DID.get(low);
    switch ((int) InvalidationDescriptor.G.get(low)) {
      case 1 -> contextGlobal();
      case 2 -> contextDomain(domain);
      case 3 ->
          contextDevice(
              (int) InvalidationDescriptor.SID.get(low), (int) InvalidationDescriptor.FM.get(low));
      default -> {
        return RESERVED_FIELD;
      }
    }
    return DONE;
  }

  private int iotlb(long low, long high) {
    if (isReserved(InvalidationDescriptor.IOTLB_INVALIDATE, low, high)) {
      return RESERVED_FIELD;
    }
    int domain = (int) InvalidationDescriptor.DID.get(low);
    switch ((int) InvalidationDescriptor.G.get(low)) {
      case 1 -> iotlbGlobal();
      case 2 -> iotlbDomain(domain);
      case 3 -> {
        int mask = (int) InvalidationDescriptor.AM.get(high);
        if (!Cap.PSI.in(config.get().capabilities().cap())
            || mask > Cap.MAMV.get(config.get().capabilities().cap())) {
          return RESERVED_FIELD;
        }
        iotlbPages(domain, high, mask, InvalidationDescriptor.IH.in(high));
      }
      default -> {
        return RESERVED_FIELD;
      }
    }
    return DONE;
  }

  private int pasidIotlb(long low, long high) {
    if (config.get().mode() != RootTableAddress.TTM_SCALABLE) {
      return INVALID_MODE;
    }
    if (isReserved(InvalidationDescriptor.PASID_IOTLB_INVALIDATE, low, high)) {
      return RESERVED_FIELD;
    }
    int domain = (int) InvalidationDescriptor.DID.get(low);
    int pasid = (int) InvalidationDescriptor.PASID.get(low);
    switch ((int) InvalidationDescriptor.G.get(low)) {
      case 2 -> pasidIotlb(domain, pasid);
      case 3 ->
          pasidIotlbPages(
              domain,
              pasid,
              high,
              (int) InvalidationDescriptor.AM.get(high),
              InvalidationDescriptor.IH.in(high));
      default -> {
        return RESERVED_FIELD;
      }
    }
    return DONE;
  }

  private int pasidCache(long low, long high) {
    if (config.get().mode() != RootTableAddress.TTM_SCALABLE) {
      return INVALID_MODE;
    }
    if (isReserved(InvalidationDescriptor.PASID_CACHE_INVALIDATE, low, high)) {
      return RESERVED_FIELD;
    }
    int domain = (int) InvalidationDescriptor.DID.get(low);
    switch ((int) InvalidationDescriptor.G.get(low)) {
      case 0 -> pasidDomain(domain);
      case 1 -> pasid(domain, (int) InvalidationDescriptor.PASID.get(low));
      case 3 -> pasidGlobal();
      default -> {
        return RESERVED_FIELD;
      }
    }
    return DONE;
  }
}
