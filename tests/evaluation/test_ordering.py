from photopulse.evaluation.ordering import condition_order, method_order


def test_methods_stand_in_the_order_of_papers_with_variants_beside_their_family():
    order = ["original", "nearest", "bicubic", "lanczos", "realesrgan", "fsrnet", "fsrgan", "pulse", "pulse-fast"]
    order += ["pulse:400", "fast", "fast:best", "fast:draft", "another", "spandrel"]
    assert sorted(set(order), key=method_order) == order


def test_clean_faces_come_first():
    assert sorted(["noise:25", "blur", "clean"], key=condition_order) == ["clean", "blur", "noise:25"]
