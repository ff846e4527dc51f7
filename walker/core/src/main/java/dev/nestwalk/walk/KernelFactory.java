package dev.nestwalk.walk;

import dev.nestwalk.iotlb.AddressSpace;
import dev.nestwalk.memory.GuestMemory;
import java.io.IOException;
import java.io.InputStream;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Makes kernels over one guest memory. A kernel that has worked for a while gets a class for its
 * shape: the template, defined again as a hidden class with the shape as its class data. The number
 * of such shapes is limited; beyond it, the least used shape gives way to one that is used twice as
 * much. All other kernels run the unspecialised template, about three times slower. So does every
 * kernel if the runtime cannot define hidden classes (a native image).
 *
 * <p>Threads: any.
 */
public final class KernelFactory {
  /** The most shapes with a class of their own; each has 32 KiB of class data. */
  static final int LIMIT = 64;

  private static final MethodType KERNEL =
      MethodType.methodType(void.class, Parts.class, WalkCaches.class, AddressSpace.class);
  private static final MethodType STAGE = MethodType.methodType(void.class, StageWalk.Part.class);

  private final GuestMemory memory;
  private final Definer definer;
  private final boolean atOnce;
  private final int limit;
  private final Map<Shape, Use> shapes = new HashMap<>();
  private final Map<String, byte[]> templates = new HashMap<>();

  /** Defines a hidden class with class data. */
  interface Definer {
    MethodHandles.Lookup define(byte[] code, Object data) throws IllegalAccessException;
  }

  /** A shape with classes of its own. */
  private static final class Use {
    private final MethodHandle maker;
    private final Parts parts;
    private long kernels;

    Use(MethodHandle maker, Parts parts) {
      this.maker = maker;
      this.parts = parts;
    }
  }

  /** Makes a factory of kernels over {@code memory}. */
  public KernelFactory(GuestMemory memory) {
    this(memory, KernelFactory::hidden, false, LIMIT);
  }

  /**
   * Makes a factory for tests.
   *
   * @param atOnce whether classes are defined without waiting for work to be done
   * @param limit the most shapes with classes
   */
  KernelFactory(GuestMemory memory, Definer definer, boolean atOnce, int limit) {
    this.memory = memory;
    this.definer = definer;
    this.atOnce = atOnce;
    this.limit = limit;
  }

  /** Makes a factory for tests whose kernels have classes of their own from the start. */
  public static KernelFactory atOnce(GuestMemory memory) {
    return new KernelFactory(memory, KernelFactory::hidden, true, LIMIT);
  }

  /** Makes a factory for tests that is refused each class, as on a runtime without hidden ones. */
  public static KernelFactory withoutClasses(GuestMemory memory) {
    Definer none =
        (code, data) -> {
          throw new UnsupportedOperationException("no hidden classes");
        };
    return new KernelFactory(memory, none, true, LIMIT);
  }

  static MethodHandles.Lookup hidden(byte[] code, Object data) throws IllegalAccessException {
    return MethodHandles.lookup().defineHiddenClassWithClassData(code, data, true);
  }

  /**
   * Makes a kernel, or reuses one.
   *
   * @param second the second stage's address space, or null
   * @param old a kernel to reuse if it fits, or null
   * @param barrier the barred addresses, or null
   */
  public Kernel kernel(
      Tables tables,
      WalkCaches caches,
      AddressSpace space,
      @Nullable AddressSpace second,
      @Nullable Barrier barrier,
      @Nullable Kernel old) {
    boolean both = tables.first().isOn() && tables.upper().isOn();
    boolean onlyUpper = tables.upper().isOn() && !tables.first().isOn();
    Stage first = onlyUpper ? tables.upper() : tables.first();
    long root = onlyUpper ? tables.upperRoot() : tables.firstRoot();
    Shape shape = shape(tables, first, root, both, caches, barrier != null);
    Kernel kernel = old != null && old.shape.equals(shape) ? old : make(shape, caches, space);
    kernel.root(root, tables.secondRoot());
    if (both) {
      Shape upper =
          shape(tables, tables.upper(), tables.upperRoot(), false, caches, barrier != null);
      kernel.other = make(upper, caches, space);
      kernel.other.root(tables.upperRoot(), tables.secondRoot());
    } else {
      kernel.other = null;
    }
    kernel.bar(barrier);
    kernel.aim(space, second);
    return kernel;
  }

  /**
   * The kernel in a class of its own, or the argument if it is not to have one; likewise that of
   * the other range of input addresses.
   */
  public Kernel specialised(Kernel old) {
    Use use = use(old.shape, true);
    Kernel kernel = use == null ? old : make(use, old.caches, old.space);
    if (use == null) {
      old.rest();
    } else {
      kernel.takeOver(old);
    }
    Kernel other = kernel.other;
    if (other != null && !other.isSpecialised()) {
      kernel.other = specialised(other);
    }
    return kernel;
  }

  private Shape shape(
      Tables tables,
      Stage first,
      long root,
      boolean otherRange,
      WalkCaches caches,
      boolean restricted) {
    long iotlb = WalkCaches.offsets(caches.iotlb);
    long firsts = first.isOn() ? WalkCaches.offsets(caches.structures.first) : 0;
    long seconds = tables.second().isOn() ? WalkCaches.offsets(caches.structures.second) : 0;
    return new Shape(
        first,
        tables.second(),
        otherRange,
        tables.hole(),
        tables.holeInInput(),
        memory,
        home(tables.second().isOn() ? tables.secondRoot() : root),
        caches.counts,
        restricted,
        caches.isUsual(),
        iotlb,
        firsts,
        seconds,
        caches.structures.nested != null && first.isOn() && tables.second().isOn());
  }

  /** Index of the run of memory that holds a first table, among those that are read directly. */
  private int home(long root) {
    int run = memory.find(root);
    boolean direct = false;
    for (int nth = 0; nth < memory.directRuns(); nth++) {
      direct |= memory.directRun(nth) == run;
    }
    return direct || memory.directRuns() == 0 ? run : memory.directRun(0);
  }

  private Kernel make(Shape shape, WalkCaches caches, AddressSpace space) {
    Use use = shape.walks() ? use(shape, atOnce) : null;
    return use == null
        ? new KernelTemplate(generic(shape), caches, space)
        : make(use, caches, space);
  }

  private static Kernel make(Use use, WalkCaches caches, AddressSpace space) {
    try {
      return (Kernel) use.maker.invokeExact(use.parts, caches, space);
    } catch (Throwable e) {
      throw new IllegalStateException("a kernel's constructor only copies references", e);
    }
  }

  private static Parts generic(Shape shape) {
    StageWalk second =
        shape.second().isOn() ? new StageTemplate(new StageWalk.Part(shape, false, null)) : null;
    return shape.first().isOn()
        ? new Parts(shape, new StageTemplate(new StageWalk.Part(shape, true, second)), second)
        : new Parts(shape, second, null);
  }

  /** The classes of a shape, defined now if wanted and not yet done, or null. */
  private synchronized @Nullable Use use(Shape shape, boolean wanted) {
    Use use = shapes.get(shape);
    if (use == null && wanted && hasRoom()) {
      use = define(shape);
      if (use != null) {
        shapes.put(shape, use);
      }
    }
    if (use != null) {
      use.kernels++;
    }
    return use;
  }

  /**
   * Whether one more shape may have classes. When all are in use, a shape gets one after as many
   * requests as the least used shape had.
   */
  private boolean hasRoom() {
    if (shapes.size() < limit) {
      return true;
    }
    for (Use use : shapes.values()) {
      use.kernels >>= 1;
    }
    for (Map.Entry<Shape, Use> entry : shapes.entrySet()) {
      if (entry.getValue().kernels == 0) {
        return shapes.remove(entry.getKey(), entry.getValue());
      }
    }
    return false;
  }

  private @Nullable Use define(Shape shape) {
    try {
      StageWalk second = shape.second().isOn() ? stage(shape, false, null) : null;
      Parts parts =
          shape.first().isOn()
              ? new Parts(shape, stage(shape, true, second), second)
              : new Parts(shape, second, null);
      MethodHandle maker = constructor("KernelTemplate.class", parts, KERNEL);
      return new Use(maker.asType(KERNEL.changeReturnType(Kernel.class)), parts);
    } catch (IOException | IllegalAccessException | NoSuchMethodException e) {
      return null;
    } catch (VirtualMachineError e) {
      throw e;
    } catch (UnsupportedOperationException | Error e) {
      // This runtime does not load any more classes: a native image says so with an error of its
      // own that is no LinkageError.
      return null;
    }
  }

  private StageWalk stage(Shape shape, boolean isFirst, @Nullable StageWalk below)
      throws IOException, IllegalAccessException, NoSuchMethodException {
    StageWalk.Part part = new StageWalk.Part(shape, isFirst, below);
    MethodHandle maker = constructor("StageTemplate.class", part, STAGE);
    try {
      return (StageWalk) maker.invoke(part);
    } catch (Throwable e) {
      throw new IllegalStateException("a stage's constructor only copies a reference", e);
    }
  }

  /** Constructor of a template's class, defined again with class data. */
  private MethodHandle constructor(String template, Object data, MethodType type)
      throws IOException, IllegalAccessException, NoSuchMethodException {
    byte[] code = templates.get(template);
    if (code == null) {
      code = read(template);
      templates.put(template, code);
    }
    MethodHandles.Lookup lookup = definer.define(code, data);
    return lookup.findConstructor(lookup.lookupClass(), type);
  }

  private static byte[] read(String template) throws IOException {
    try (@Nullable InputStream in = KernelFactory.class.getResourceAsStream(template)) {
      if (in == null) {
        throw new IOException(template + " is not where its class is");
      }
      return in.readAllBytes();
    }
  }
}
