package dev.nestwalk;

import dev.nestwalk.dma.Access;
import dev.nestwalk.explain.Reference;
import dev.nestwalk.explain.Trace;
import dev.nestwalk.fixtures.ScenarioRow;

/** The request that a row of a scenario is about. */
record RowRequest(int source, int pasid, long iova, int access) {
  RowRequest(ScenarioRow row) {
    this(row.sourceId(), row.pasid(), row.iova(), row.write() ? Access.WRITE : Access.READ);
  }

  Trace ask(Reference reference) {
    return reference.translate(source, pasid, iova, access);
  }

  long ask(Translator translator) {
    return translator.translate(source, pasid, iova, access);
  }
}
