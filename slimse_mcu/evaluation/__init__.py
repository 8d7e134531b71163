"""What a model is worth on a test set: quality of the float model, of int8 and of a board, and the work that it did.

    from slimse_mcu import compile_model
    from slimse_mcu.data.sets import open_test_set
    from slimse_mcu.evaluation.evaluate import Settings, Subject, evaluate

    subjects = [Subject("dyncp25", compile_model("zoo:convfsenet-dyncp25"))]
    evaluation = evaluate(subjects, open_test_set("corpus"), Settings(jobs=2), out="result")
    print(evaluation.models[0].signals["int8"].scores["pesq_wb"])

:mod:`~slimse_mcu.evaluation.evaluate` runs; :mod:`~slimse_mcu.evaluation.tables` and
:mod:`~slimse_mcu.evaluation.markdown` say what came out.
"""
