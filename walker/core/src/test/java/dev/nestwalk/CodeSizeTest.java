package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassModel;
import java.lang.classfile.MethodModel;
import java.lang.classfile.attribute.CodeAttribute;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * HotSpot inlines a hot method of up to 325 bytes of code (FreqInlineSize) and leaves out a larger
 * one. The speed of hits and walks rests on these: see docs/performance.md.
 */
class CodeSizeTest {
  private static final int LIMIT = 325;

  @ParameterizedTest(name = "{0}.{1}")
  @CsvSource({
    "dev/nestwalk/Endpoint, translate",
    "dev/nestwalk/AddressLookup, miss",
    "dev/nestwalk/walk/StageTemplate, entry",
    "dev/nestwalk/walk/StageTemplate, word",
    "dev/nestwalk/walk/StageTemplate, wordOfSome",
    "dev/nestwalk/walk/StageTemplate, walk",
    "dev/nestwalk/walk/StageTemplate, leaf",
    "dev/nestwalk/walk/StageTemplate, hopFrom",
    "dev/nestwalk/walk/Stage, granted",
  })
  void isInlined(String name, String method) throws IOException {
    assertTrue(countUpToLimit(name, method) > 0, "methods small enough to be inlined");
  }

  private static long countUpToLimit(String name, String method) throws IOException {
    try (InputStream bytes = Endpoint.class.getResourceAsStream("/" + name + ".class")) {
      assertNotNull(bytes, name);
      ClassModel model = ClassFile.of().parse(bytes.readAllBytes());
      long found = model.methods().stream().filter(m -> isNamed(m, method)).count();
      assertTrue(found > 0, "there is such a method");
      return model.methods().stream()
          .filter(m -> isNamed(m, method))
          .flatMap(m -> m.code().stream())
          .filter(code -> ((CodeAttribute) code).codeLength() <= LIMIT)
          .count();
    }
  }

  private static boolean isNamed(MethodModel model, String name) {
    return model.methodName().equalsString(name);
  }
}
