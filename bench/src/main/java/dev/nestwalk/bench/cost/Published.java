package dev.nestwalk.bench.cost;

/**
 * What others measured or derived.
 *
 * @param figure in one sentence, with its unit and circumstances
 * @param source authors, title, where, year; or a specification and its section
 */
public record Published(String figure, String source) {}
