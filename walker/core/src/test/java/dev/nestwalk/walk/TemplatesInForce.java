package dev.nestwalk.walk;

import dev.nestwalk.memory.GuestMemory;
import java.lang.instrument.ClassFileTransformer;
import java.lang.invoke.MethodHandles;
import java.security.ProtectionDomain;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.extension.Extension;

/**
 * The code of the two templates as it is in force in this JVM, for the hidden classes of tests.
 *
 * <p>A kernel's classes are defined from the bytes on the class path. PIT replaces the code of
 * loaded classes, which those bytes do not tell: a changed template would be tested as the class of
 * all shapes alone. In a run of PIT this extension is told of each template that is loaded or
 * replaced, and classes are defined from what it was told. Anywhere else it does nothing.
 */
public final class TemplatesInForce implements Extension {
  private static final String AGENT = "org.pitest.boot.HotSwapAgent";

  // Internal names: to name the classes themselves would load them while they are loaded.
  private static final String KERNEL = "dev/nestwalk/walk/KernelTemplate";
  private static final String STAGE = "dev/nestwalk/walk/StageTemplate";

  /** Code of the templates by name. */
  private static final Map<String, byte[]> CODE = new ConcurrentHashMap<>();

  static {
    listen();
  }

  /** For JUnit, which makes one before the first test if extensions are detected. */
  public TemplatesInForce() {}

  private static void listen() {
    Class<?> agent;
    try {
      agent = Class.forName(AGENT);
    } catch (ClassNotFoundException e) {
      return;
    }
    try {
      agent.getMethod("addTransformer", ClassFileTransformer.class).invoke(null, new Told());
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException("PIT's agent takes no listener", e);
    }
  }

  /** Changes nothing, and remembers the templates. It comes after PIT's own transformers. */
  private static final class Told implements ClassFileTransformer {
    @Override
    public byte @Nullable [] transform(
        @Nullable ClassLoader loader,
        @Nullable String name,
        @Nullable Class<?> replaced,
        @Nullable ProtectionDomain domain,
        byte[] code) {
      if (KERNEL.equals(name) || STAGE.equals(name)) {
        CODE.put(name, code.clone());
      }
      return null;
    }
  }

  /** Makes a factory whose kernels have classes of their own from the start. */
  static KernelFactory factory(GuestMemory memory) {
    return new KernelFactory(memory, TemplatesInForce::define, true, KernelFactory.LIMIT);
  }

  /** Defines a hidden class as a factory does. */
  static MethodHandles.Lookup define(byte[] code, Object data) throws IllegalAccessException {
    String template = data instanceof Parts ? KERNEL : STAGE;
    return KernelFactory.hidden(CODE.getOrDefault(template, code), data);
  }
}
