package dev.nestwalk.walk;

import java.lang.constant.ConstantDescs;
import java.lang.invoke.MethodHandles;
import org.jspecify.annotations.Nullable;

/** What {@link KernelFactory} gives a class that it defines. */
final class ClassData {
  /**
   * The class data of a hidden class, or null in an ordinary one.
   *
   * @param lookup made by the class itself
   */
  static <T> @Nullable T of(MethodHandles.Lookup lookup, Class<T> type) {
    try {
      return MethodHandles.classData(lookup, ConstantDescs.DEFAULT_NAME, type);
    } catch (IllegalAccessException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private ClassData() {}
}
