package dev.nestwalk.teach.decode;

import static java.util.Objects.requireNonNull;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A decoded record says which of its fields mean nothing, because another field tells so. */
class RecordFieldsTest {
  @ParameterizedTest(name = "{0}")
  @CsvSource({
    "stage 1,             event, 0x10 0 0 0,                     SUBSTREAMID STAG TTRNW IPA",
    "stage 2,             event, 0x10 0x8000000000 0 0,          SUBSTREAMID STAG TTRNW",
    "stalled,             event, 0x10 0x80000001 0 0,            SUBSTREAMID TTRNW IPA",
    "with a substream,    event, 0x810 0 0 0,                    STAG TTRNW IPA",
    "permission of TT,    event, 0x13 0x18000000000 0 0,         SUBSTREAMID STAG",
    "permission of IN,    event, 0x13 0x28000000000 0 0,         SUBSTREAMID STAG TTRNW",
    "walk abort,          event, 0x0b 0 0 0,                     SUBSTREAMID",
    "bad substream,       event, 0x08 0 0 0,                     ''",
    "bad stream,          event, 0x02 0 0 0,                     SUBSTREAMID",
    "forbidden,           event, 0x07 0 0 0,                     SUBSTREAMID",
    "bad ATS request,     event, 0x05 0 0 0,                     SUBSTREAMID RNW",
    "no PASID,            frcd,  0x1000 0x8000000500000010,      PRIV EXE PV",
    "PASID,               frcd,  0x1000 0x8000000580000010,      ''",
  })
  void fieldsThatDoNotApplyAreNamed(String title, String record, String words, String named) {
    List<String> given = List.of((record + " " + words).split(" "));
    Set<String> told = new TreeSet<>();
    for (Finding.FieldValue field : requireNonNull(Values.of(given)).fields()) {
      if (field.meaning().startsWith("does not apply: ")) {
        told.add(field.name());
      }
    }
    Set<String> expected = new TreeSet<>(List.of(named.split(" ")));
    expected.remove("");
    assertEquals(expected, told, title);
  }

  /** EXE and PRIV without PP are no property of the request. */
  @ParameterizedTest
  @CsvSource({
    "0xc000000580000010, 'read (older units: or atomic), execute, privileged'",
    "0xc000000500000010, 'read (older units: or atomic), no PASID'",
  })
  void privilegeAndExecuteAreToldOfRequestsWithPasidOnly(String high, String access) {
    // T1 is bit 62, EXE bit 30 and PRIV bit 29 of the high word.
    String word = "0x%x".formatted(Long.parseUnsignedLong(high.substring(2), 16) | 0x6000_0000L);
    Finding finding = requireNonNull(Values.of(List.of("frcd", "0x1000", word)));
    assertEquals(access, finding.facts().get("access"));
  }
}
