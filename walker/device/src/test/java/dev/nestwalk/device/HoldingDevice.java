package dev.nestwalk.device;

import java.util.concurrent.CountDownLatch;
import java.util.function.Consumer;

/** A device's thread that asked its port for an answer and uses it until it is let go. */
final class HoldingDevice {
  private final CountDownLatch holds = new CountDownLatch(1);
  private final CountDownLatch mayLetGo = new CountDownLatch(1);
  private final Thread thread;

  private HoldingDevice(Unit unit, int sourceId, Consumer<Port> ask) {
    thread =
        new Thread(
            () -> {
              Port port = unit.port(sourceId);
              ask.accept(port);
              holds.countDown();
              try {
                mayLetGo.await();
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
              port.done();
            });
  }

  /** A device that holds its answer by now. */
  static HoldingDevice start(Unit unit, int sourceId, Consumer<Port> ask)
      throws InterruptedException {
    HoldingDevice device = new HoldingDevice(unit, sourceId, ask);
    device.thread.start();
    device.holds.await();
    return device;
  }

  /** It may go on; whoever waits for it may, too. */
  void letGo() {
    mayLetGo.countDown();
  }

  /** Waits until it is done. */
  void join() throws InterruptedException {
    thread.join();
  }
}
