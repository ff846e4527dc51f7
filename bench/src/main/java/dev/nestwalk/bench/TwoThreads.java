package dev.nestwalk.bench;

import dev.nestwalk.Endpoint;
import dev.nestwalk.Iommu;
import dev.nestwalk.cache.CacheOptions;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** One amount of work, done by one thread or shared by two, each with a translator of its own. */
final class TwoThreads {
  private final ExecutorService[] threads = new ExecutorService[2];
  private final Endpoint[] endpoints = new Endpoint[2];
  private final long[] addresses;

  TwoThreads(Iommu iommu, long[] addresses) {
    this.addresses = addresses;
    for (int i = 0; i < 2; i++) {
      threads[i] =
          Executors.newSingleThreadExecutor(
              task -> {
                Thread thread = new Thread(task, "nestwalk-bench");
                thread.setDaemon(true);
                return thread;
              });
      endpoints[i] =
          get(
              threads[i].submit(
                  () ->
                      Subjects.checked(Subjects.endpoint(iommu, CacheOptions.DEFAULT), addresses)));
    }
  }

  long one(int operations) {
    return get(threads[0].submit(work(0, operations)));
  }

  long two(int operations) {
    Future<Long> first = threads[0].submit(work(0, operations / 2));
    Future<Long> second = threads[1].submit(work(1, operations / 2));
    return get(first) + get(second);
  }

  private Callable<Long> work(int index, int operations) {
    return () -> Subjects.independent(endpoints[index], addresses, operations);
  }

  private static <T> T get(Future<T> future) {
    try {
      return future.get();
    } catch (InterruptedException | ExecutionException e) {
      throw new IllegalStateException("a benchmark thread failed", e);
    }
  }
}
