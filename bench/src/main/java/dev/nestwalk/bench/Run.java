package dev.nestwalk.bench;

import dev.nestwalk.Endpoint;
import dev.nestwalk.Iommu;
import dev.nestwalk.Translator;
import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.dma.Access;
import java.lang.foreign.Arena;

/** One endpoint, and the addresses that a benchmark translates in turn; all answers are checked. */
final class Run {

  private static final int MOST_ADDRESSES = 1 << 20;

  /** Before the trial has built one. */
  static final Run NONE = of("VTD_SECOND", 1, 1, CacheOptions.NONE, Arena.ofAuto());

  final Iommu iommu;
  final Translator translator;
  final Endpoint endpoint;
  final long[] addresses;
  private int next;

  private Run(Iommu iommu, CacheOptions options, long[] addresses) {
    this.iommu = iommu;
    translator = iommu.newTranslator(options);
    endpoint = translator.endpoint(Workload.SOURCE, -1);
    this.addresses = addresses;
  }

  static Run of(Workload.Built built, int pages, int stride, CacheOptions options) {
    int count = Math.clamp(4L * Integer.highestOneBit(pages), 1 << 12, MOST_ADDRESSES);
    Run run = new Run(built.iommu(), options, Subjects.addresses(count, pages, stride));
    Subjects.checked(run.endpoint, run.addresses);
    return run;
  }

  static Run of(String mode, int pages, int stride, CacheOptions options, Arena arena) {
    Workload.Built built = Workload.build(Workload.Mode.valueOf(mode), pages, stride, arena);
    return of(built, pages, stride, options);
  }

  /** The next address. */
  long address() {
    int at = next;
    next = at + 1 & addresses.length - 1;
    return addresses[at];
  }

  long translate() {
    return endpoint.translate(address(), Access.READ);
  }
}
