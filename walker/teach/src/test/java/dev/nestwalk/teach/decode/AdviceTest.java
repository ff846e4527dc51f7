package dev.nestwalk.teach.decode;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.IntFunction;
import java.util.stream.Collectors;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Each likely cause is proposed for the faults that it can have, and for no other. */
class AdviceTest {
  private static Set<String> with(String words, int codes, IntFunction<Advice> advice) {
    Set<String> found = new TreeSet<>();
    for (int code = 0; code < codes; code++) {
      List<String> causes = advice.apply(code).causes();
      if (causes.stream().anyMatch(cause -> cause.contains(words))) {
        found.add("%02x".formatted(code));
      }
    }
    return found;
  }

  private static Set<String> set(String codes) {
    return Arrays.stream(codes.split(" ", -1)).collect(Collectors.toCollection(TreeSet::new));
  }

  /** Numbers as in VT-d 7.1.2 and 7.1.3. */
  @ParameterizedTest
  @CsvSource({
    "no driver set the device up,     01 02 39 41 51 59",
    "DMA aliases,                     01 02 26 39 41",
    "a width or mode that CAP,        03 5b",
    "emits an address that no driver, 04 80 83 84",
    "wider than CAP.MGAW,             04 80 83 84",
    "the driver unmapped the buffer,  05 06 71 79 85 86",
    "the other direction only,        05 06 85 86",
    "firmware goes on using memory,   05 06 71 79 85 86",
    "to where there is no memory,     07 08 09 38 40 50 58 70 73 78 7b",
    "a bit that this unit,            0a 0b 0c 3a 42 52 5a 72 7a",
    "was overwritten,                 07 08 09 0a 0b 0c 38 3a 40 42 50 52 58 5a 70 72 73 78 7a 7b",
    "off in its context entry,        0d 44",
    "onto 0xfee00000,                 0e 87",
    "its configuration does not admit,31 45 46 48",
    "was never bound,                 51 59",
    "that the host does not map,      74 75 76 77",
    "an invalidation is missing,      74 75 76 77",
    "that the kernel did not write,   20 21 23 24",
    "while the device still raised,   22",
    "over a kexec or a resume,        22",
    "in the compatibility format,     25",
  })
  void causesOfVtdFaults(String words, String codes) {
    assertEquals(set(codes), with(words, 256, code -> Advice.vtd(code, "")));
  }

  /** Numbers as in IHI 0070, 7.3. */
  @ParameterizedTest
  @CsvSource({
    "beyond the stream table,          02",
    "no driver set the device up,      02",
    "to another StreamID,              02",
    "to where there is no memory,      03 09 0b",
    "was overwritten,                  03 04 09 0a 0b 11",
    "is illegal for this SMMU,         04 0a",
    "off in its STE,                   05 07",
    "its STE does not admit,           06 08",
    "the driver unmapped the buffer,   10",
    "firmware goes on using memory,    10",
    "an invalidation is missing,       10",
    "beyond the output size,           11",
    "AF is 0,                          12",
    "the other direction only,         13",
    "privileged or executes,           13",
  })
  void causesOfSmmuEvents(String words, String codes) {
    assertEquals(set(codes), with(words, 256, code -> Advice.smmu(code, "")));
  }

  /** Fields of commands, after OPCODE and SSEC (IHI 0070, 4). */
  @ParameterizedTest
  @CsvSource({
    "0x01, SSV SSID SID SIZE ADDRESS",
    "0x02, SSV SSID SID SIZE ADDRESS",
    "0x03, SID LEAF",
    "0x04, SID RANGE",
    "0x05, SSID SID LEAF",
    "0x06, SID",
    "0x07, VMID",
    "0x10, VMID",
    "0x11, VMID ASID",
    "0x12, NUM SCALE VMID ASID LEAF TTL TG ADDRESS",
    "0x13, NUM SCALE VMID LEAF TTL TG ADDRESS",
    "0x21, VMID ASID",
    "0x22, NUM SCALE VMID ASID LEAF TTL TG ADDRESS",
    "0x23, NUM SCALE VMID LEAF TTL TG ADDRESS",
    "0x28, VMID",
    "0x2a, NUM SCALE VMID LEAF TTL TG ADDRESS",
    "0x40, GLOBAL SSV SSID SID SIZE ADDRESS",
    "0x41, SSV SSID SID PRGINDEX RESP",
    "0x44, AC AB SID STAG",
    "0x45, AC AB SID STAG",
    "0x46, CS MSH MSIATTR MSIDATA MSIADDRESS",
  })
  void commandsHaveTheFieldsOfTheirKind(String opcode, String fields) {
    assertEquals(fields, fields("command", opcode, Set.of("OPCODE", "SSEC")));
  }

  /** Fields of descriptors, after their type (VT-d 6.5.2, 7.7). */
  @ParameterizedTest
  @CsvSource({
    "0x1, G DID SID FM",
    "0x2, G DW DR DID AM IH ADDR",
    "0x3, PFSID_LOW MIP SID PFSID_HIGH S ADDR",
    "0x4, G IM IIDX",
    "0x5, IF SW FN PD STATUS STATUS_ADDRESS",
    "0x6, G DID PASID AM IH ADDR",
    "0x7, G DID PASID",
    "0x8, MIP PFSID_LOW SID PASID PFSID_HIGH G S ADDR",
    "0x9, PP RC SID PASID LPIG PRGI",
  })
  void descriptorsHaveTheFieldsOfTheirType(String type, String fields) {
    assertEquals(fields, fields("descriptor", type, Set.of("TYPE", "TYPE_HIGH")));
  }

  private static String fields(String kind, String word, Set<String> but) {
    Finding finding = Values.of(List.of(kind, word, "0x0"));
    return finding == null
        ? "not decoded"
        : finding.fields().stream()
            .map(Finding.FieldValue::name)
            .filter(name -> !but.contains(name))
            .collect(Collectors.joining(" "));
  }
}
