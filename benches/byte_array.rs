//! The published image's byte array (50,176 rows, 261 channels): rewritten, and built anew.
//!
//!     cargo bench --bench byte_array
//!
//! `percept bench` gives the same numbers as ratios of one run.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use percept::bench::{published_image, window};
use percept::byte_array::ByteArray;

fn byte_array(criterion: &mut Criterion) {
    let input = published_image();
    let windows = [0, 1].map(|seed| window(std::slice::from_ref(&input), seed));
    let mut group = criterion.benchmark_group("byte_array_224");
    group.sample_size(20);

    let mut resident = ByteArray::new(&input, 1);
    let mut turn = 0;
    group.bench_function("rewrite", |bencher| {
        bencher.iter(|| {
            turn = 1 - turn;
            resident.write(0, black_box(&windows[turn]));
        })
    });

    let ready = resident.rows(1).to_vec();
    let mut copied = ready.clone();
    group.bench_function("copy", |bencher| {
        bencher.iter(|| black_box(&mut copied).copy_from_slice(black_box(&ready)))
    });

    group.bench_function("rebuild", |bencher| {
        bencher.iter(|| {
            let mut built = ByteArray::new(black_box(&input), 1);
            built.write(0, &windows[0]);
            black_box(built.rows(1).len())
        })
    });
    group.finish();
}

criterion_group!(benches, byte_array);
criterion_main!(benches);
