"""Traps of Trainer: what it computes, what it keeps, what it changes."""

import copy
import math

import numpy as np
import torch
from sklearn.metrics import accuracy_score, f1_score
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    BertForMaskedLM,
    ModernBertConfig,
    ModernBertForMaskedLM,
    Trainer,
    set_seed,
)
from transformers.trainer_utils import get_last_checkpoint

from tests.traps import toys
from tests.traps.catalogue import trap


@trap(
    37,
    "transformers",
    upstream="huggingface/transformers#47688",
    wrote="gradient_accumulation_steps=4",
    shown="06_trainer.ipynb#Four-small-batches-are-not-one-large-one",
)
def accumulated_steps_count_too_much():
    """Accumulation over four batches makes the gradient of a classifier four times as large.

    You see: a first loss of 2.8 where two classes give 0.69, and a gradient norm four times that
    of one large batch.

    What happens: a model whose `forward` takes further arguments is told how many labels a step has
    (`num_items_in_batch`), and Trainer leaves the division to it. Classifiers of texts take them, and do not
    divide; nor does a masked model that computes its loss itself, as BERT's does. Others, as ModernBERT's, divide.

    Instead: compare one step of 16 with one of 4 x 4. Where the second is four times as large, set
    `model.accepts_loss_kwargs = False` before the Trainer is made; on several GPUs that also keeps it from multiplying by
    their number. Where both are equal, it would be wrong. Clipping hides the trap in part, since it shortens what is long.
    """
    data, model = toys.rows(16), toys.classifier()
    masked = BertForMaskedLM(model.config)
    shape = {**toys.BERT, "initializer_range": 0.02, "pad_token_id": 0}
    special = dict(bos_token_id=2, eos_token_id=3, cls_token_id=2, sep_token_id=3)
    modern = ModernBertForMaskedLM(ModernBertConfig(**shape, **special))
    words = [{"input_ids": ids, "labels": ids} for ids in data["input_ids"]]

    def first_log(model=model, data=data, **settings):
        calm = dict(max_steps=1, logging_steps=1, max_grad_norm=1e9)
        trainer = Trainer(
            copy.deepcopy(model), toys.arguments(**calm, **settings), train_dataset=data
        )
        trainer.train()
        return trainer.state.log_history[0]

    # You write
    once = first_log(per_device_train_batch_size=16)
    four = dict(per_device_train_batch_size=4, gradient_accumulation_steps=4)
    accumulated = first_log(**four)
    # You get
    assert abs(accumulated["loss"] / once["loss"] - 4) < 0.01
    assert abs(accumulated["grad_norm"] / once["grad_norm"] - 4) < 0.01

    def times(of_words):
        parts = first_log(of_words, words, **four)["loss"]
        return (
            parts / first_log(of_words, words, per_device_train_batch_size=16)["loss"]
        )

    assert abs(times(masked) - 4) < 0.01
    assert abs(times(modern) - 1) < 0.01

    # Instead
    model.accepts_loss_kwargs = masked.accepts_loss_kwargs = False
    mended = first_log(**four)
    assert abs(mended["loss"] / once["loss"] - 1) < 0.01
    assert abs(mended["grad_norm"] / once["grad_norm"] - 1) < 0.01
    assert abs(times(masked) - 1) < 0.01


@trap(
    38,
    "transformers",
    shown="08_generation.ipynb#When-it-breaks:-GPT-2's-loss-in-Trainer",
    says="`loss_type=None` was set in the config but it is unrecognized",
    upstream="huggingface/transformers#46204",
)
def loss_of_a_gpt2_is_too_small():
    """The loss of a GPT-2 in Trainer is too small.

    You see: a loss, and a perplexity, that look a little better than they are; for short texts a
    good deal better.

    What happens: the class is called GPT2LMHeadModel, so the library does not see that it is a
    causal model, and Trainer counts the first token of each text, which nothing predicts. The
    mean is multiplied by (L - 1) / L: 0.875 for texts of eight tokens.

    Instead: `model.loss_type = "ForCausalLM"` before the Trainer is made, after every load; in the config, of which the
    warning speaks, it is not read. Or a class whose name ends in ForCausalLM.
    """
    model = toys.gpt2()
    ids = toys.rows(8, length=8)["input_ids"][:]
    texts = [{"input_ids": row, "labels": row} for row in ids]
    with torch.no_grad():
        batch = torch.tensor(ids)
        by_hand = model(batch, labels=batch).loss.item()
    # You write
    trainer = Trainer(model, toys.arguments(), eval_dataset=texts)
    loss = trainer.evaluate()["eval_loss"]
    # You get
    assert model.loss_type is None
    assert abs(loss / by_hand - 7 / 8) < 0.001
    # Instead
    model.loss_type = "ForCausalLM"
    loss = Trainer(model, toys.arguments(), eval_dataset=texts).evaluate()["eval_loss"]
    assert abs(loss / by_hand - 1) < 0.001


@trap(39, "transformers")
def a_batch_without_labels_counts_as_nothing():
    """A batch in which every label is ignored costs nothing, or counts as zero.

    You see: with `logging_steps=1`, a training loss of exactly 0.0 now and then, else one that is a little
    too low; and an evaluation loss that does not change when such a batch is added.

    What happens: the mean over no labels is not a number. Trainer logs 0.0 for it in training and
    takes it into the mean; in evaluation it leaves the batch out.

    Instead: count labels before training, and drop rows that have none. `logging_nan_inf_filter`
    switched off shows them.
    """
    model = toys.llama()
    good = {"input_ids": [1, 2, 3, 4], "labels": [1, 2, 3, 4]}
    empty = {"input_ids": [1, 2, 3, 4], "labels": [-100] * 4}
    once = dict(max_steps=2, logging_steps=1, per_device_train_batch_size=1)
    one = dict(per_device_eval_batch_size=1)
    # You write
    trainer = Trainer(
        model,
        toys.arguments(**once, **one, train_sampling_strategy="sequential"),
        train_dataset=[good, empty],
    )
    alone = trainer.evaluate([good])["eval_loss"]
    both = trainer.evaluate([good, empty])["eval_loss"]
    trainer.train()
    # You get
    first, second, end = trainer.state.log_history[-3:]
    assert both == alone
    assert second["loss"] == 0.0
    assert math.isclose(end["train_loss"], first["loss"] / 2, rel_tol=1e-3)
    # Instead
    kept = [row for row in [good, empty] if set(row["labels"]) != {-100}]
    assert kept == [good]
    shown = toys.arguments(**once, logging_nan_inf_filter=False)
    trainer = Trainer(model, shown, train_dataset=[empty, empty])
    trainer.train()
    assert math.isnan(trainer.state.log_history[0]["loss"])


@trap(
    40,
    "transformers",
    wrote='TrainingArguments(train_sampling_strategy="group_by_length")',
    shown="06_trainer.ipynb#When-it-breaks:-a-tuple-has-no-argmax",
    upstream="huggingface/transformers#33514",
)
def predictions_come_in_another_order():
    """Grouped by length, predictions come in another order than the rows.

    You see: good scores from `compute_metrics`, and nonsense when predictions are put beside the
    texts.

    What happens: `train_sampling_strategy="group_by_length"` groups the evaluation rows, too.
    `predict` returns them in that order.

    Instead: predict with a Trainer that has the default, or join by an identifier.
    """
    data = [
        {"input_ids": [7] * n, "attention_mask": [1] * n, "labels": n}
        for n in (3, 9, 5, 12, 4, 8)
    ]
    model, tokenizer = toys.classifier(num_labels=13).eval(), toys.tokenizer()
    # You write
    grouped = toys.arguments(train_sampling_strategy="group_by_length")
    result = Trainer(model, grouped, processing_class=tokenizer).predict(data)
    # You get
    labels = [row["labels"] for row in data]
    assert sorted(result.label_ids) == sorted(labels)
    assert result.label_ids.tolist() != labels
    # Instead
    result = Trainer(model, toys.arguments(), processing_class=tokenizer).predict(data)
    assert result.label_ids.tolist() == labels


@trap(
    41,
    "transformers",
    shown="06_trainer.ipynb#Stop,-and-go-on",
    says="arguments do not match the ones in the `trainer_state.json`",
)
def resumed_run_keeps_its_old_settings():
    """A resumed run ignores the new learning rate.

    You see: training goes on; one warning about arguments that differ, if warnings are on.

    What happens: optimizer and schedule come from the checkpoint with their rate, and the steps
    for logging and saving from its state.

    Instead: load the weights of the checkpoint into a new run when settings change.
    """
    model, data = toys.classifier(), toys.rows(32)
    steps = dict(lr_scheduler_type="constant", save_strategy="steps")
    first = toys.arguments(
        max_steps=2, learning_rate=1e-3, save_steps=2, logging_steps=1, **steps
    )
    Trainer(model, first, train_dataset=data).train()
    # You write
    changed = toys.arguments(
        max_steps=4, learning_rate=1e-5, save_steps=4, logging_steps=2, **steps
    )
    resumed = Trainer(model, changed, train_dataset=data)
    resumed.train(resume_from_checkpoint="out/checkpoint-2")
    # You get
    rates = [log["learning_rate"] for log in resumed.state.log_history if "loss" in log]
    assert rates == [1e-3] * 4
    assert (resumed.state.logging_steps, resumed.state.save_steps) == (1, 2)
    # Instead
    model = AutoModelForSequenceClassification.from_pretrained("out/checkpoint-2")
    fresh = Trainer(model, changed, train_dataset=data)
    fresh.train()
    assert fresh.state.log_history[0]["learning_rate"] == 1e-5


@trap(42, "transformers", wrote="label_smoothing_factor=0.1")
def label_smoothing_is_ignored_beside_an_own_loss():
    """Label smoothing does nothing beside a loss function of one's own.

    You see: the same loss with smoothing and without.

    What happens: `compute_loss_func` is asked first, and the smoother is passed over.

    Instead: smooth in the function, where PyTorch has an argument for it, and divide by the number of
    labels that Trainer hands over, or accumulated batches count too much (trap 37).
    """
    model, data = toys.classifier(), toys.rows(8)

    def loss_of(function, smoothing=0.0):
        trainer = Trainer(
            model,
            toys.arguments(label_smoothing_factor=smoothing),
            eval_dataset=data,
            compute_loss_func=function,
        )
        return trainer.evaluate()["eval_loss"]

    # You write
    def own(outputs, labels, num_items_in_batch=None):
        return torch.nn.functional.cross_entropy(outputs.logits, labels)

    smoothed = loss_of(own, smoothing=0.4)
    # You get
    assert smoothed == loss_of(own)

    # Instead
    def smooth(outputs, labels, num_items_in_batch=None):
        total = torch.nn.functional.cross_entropy(
            outputs.logits, labels, label_smoothing=0.4, reduction="sum"
        )
        return total / num_items_in_batch

    assert abs(loss_of(smooth) - loss_of(None, smoothing=0.4)) < 1e-5
    assert loss_of(smooth) != loss_of(own)

    def first_loss(batch, passes):
        trainer = Trainer(
            copy.deepcopy(model),
            toys.arguments(
                max_steps=1,
                logging_steps=1,
                per_device_train_batch_size=batch,
                gradient_accumulation_steps=passes,
            ),
            train_dataset=data,
            compute_loss_func=smooth,
        )
        trainer.train()
        return trainer.state.log_history[0]["loss"]

    assert abs(first_loss(8, 1) - first_loss(2, 4)) < 1e-4


@trap(43, "transformers", wrote="bf16_full_eval=True")
def evaluating_in_bf16_turns_the_model_to_bf16():
    """Evaluation in bfloat16 leaves the model in bfloat16.

    You see: nothing; training goes on, a little worse.

    What happens: with `bf16_full_eval=True`, `evaluate` and `predict` cast the model itself. Its later
    training and its saved file are bfloat16, which keeps eight bits of a number. The evaluations
    within `train()` cast nothing: there the flag is without effect.

    Instead: use `bf16=True`, which computes in bfloat16 and keeps the weights, or evaluate a copy.
    """
    model, data = toys.classifier(), toys.rows(8)
    # You write
    trainer = Trainer(model, toys.arguments(bf16_full_eval=True), eval_dataset=data)
    trainer.evaluate()
    # You get
    assert model.dtype == torch.bfloat16
    trainer.save_model("kept")
    kept = AutoModelForSequenceClassification.from_pretrained("kept")
    assert kept.dtype == torch.bfloat16
    # Instead
    model = toys.classifier()
    Trainer(model, toys.arguments(bf16=True), eval_dataset=data).evaluate()
    assert model.dtype == torch.float32


@trap(45, "transformers")
def training_twice_is_neither_new_nor_going_on():
    """`train()` called twice is neither a new run nor the old one going on.

    You see: a second run with steps from 1 and a schedule from its start.

    What happens: model and optimizer go on, Adam's running means included. Only the counter of
    steps and the schedule begin again.

    Instead: make a new Trainer with a new model, or resume from a checkpoint. With `model_init`,
    a second call does begin anew.
    """
    data = toys.rows(24)
    model = toys.classifier()
    # You write
    trainer = Trainer(model, toys.arguments(max_steps=3), train_dataset=data)
    trainer.train()
    trainer.train()
    # You get
    adam = next(iter(trainer.optimizer.state.values()))
    assert trainer.state.global_step == 3
    assert adam["step"] == 6
    # Instead
    trainer = Trainer(
        toys.classifier(), toys.arguments(max_steps=3), train_dataset=data
    )
    trainer.train()
    assert next(iter(trainer.optimizer.state.values()))["step"] == 3
    trainer = Trainer(
        None,
        toys.arguments(max_steps=3),
        train_dataset=data,
        model_init=lambda: toys.classifier(),
    )
    trainer.train()
    trainer.train()
    assert next(iter(trainer.optimizer.state.values()))["step"] == 3


@trap(46, "transformers")
def trainer_switches_the_cache_off():
    """Making a Trainer switches the model's cache off.

    You see: `past_key_values` is None in a loop of your own, also in another program that loads the
    model.

    What happens: the constructor sets `config.use_cache` to False, and saving keeps it. A loop by hand
    has to read the whole text at each step. `generate` reads its own `generation_config` and has a cache.

    Instead: set it to True again after training, before you save. Not `TrainingArguments(use_cache=True)`, which keeps
    keys and values in training, and lets packed texts see each other (54).
    """
    model = toys.gpt2()
    assert model.config.use_cache
    # You write
    trainer = Trainer(model, toys.arguments())
    # You get
    assert model.config.use_cache is False
    trainer.save_model("kept")
    loaded, ids = AutoModelForCausalLM.from_pretrained("kept"), torch.tensor([[1, 2]])
    assert loaded(ids).past_key_values is None
    written = loaded.generate(ids, max_new_tokens=3, return_dict_in_generate=True)
    assert written.past_key_values is not None
    # Instead
    model.config.use_cache = True
    trainer.save_model("kept")
    loaded = AutoModelForCausalLM.from_pretrained("kept")
    assert loaded(ids).past_key_values.get_seq_length() == 2


@trap(9, "transformers", shown="06_trainer.ipynb#What-each-line-became")
def a_seed_in_the_arguments_comes_too_late():
    """The seed in TrainingArguments does not reach a head that was made before.

    You see: two runs with the same seed and different losses.

    What happens: the seed is set when the Trainer is made. The new head of a model was drawn
    earlier, by whatever the generator was at.

    Instead: call `set_seed` before the model is made, or hand over `model_init`.
    """
    data = toys.rows(8)

    def head_after(model=None, **how):
        Trainer(model, toys.arguments(seed=7), train_dataset=data, **how)
        return model.classifier.weight.detach().clone()

    # You write
    heads = [head_after(toys.classifier()) for _ in range(2)]
    # You get
    assert not torch.equal(*heads)

    # Instead
    def seeded():
        set_seed(7)
        return head_after(toys.classifier())

    assert torch.equal(seeded(), seeded())

    def drawn():
        return toys.classifier()

    trainers = [Trainer(None, toys.arguments(seed=7), model_init=drawn) for _ in "ab"]
    assert torch.equal(*[toys.weights(trainer.model) for trainer in trainers])


@trap(12, "transformers", shown="06_trainer.ipynb#Half-precision,-or-so-it-says")
def half_precision_on_a_cpu_is_off():
    """`fp16=True` on a CPU is accepted, and off.

    You see: a run on a CPU with `fp16=True` that ends without an error, and logits in float32.

    What happens: float16 is made for GPUs; on a CPU the flag is read and leads to nothing.

    Instead: use `bf16=True` with `use_cpu=True`, and look at the type of a logit.
    """
    data = toys.rows(8)

    def types(**flags):
        model, found = toys.classifier(), set()
        model.classifier.register_forward_hook(lambda *call: found.add(call[-1].dtype))
        Trainer(model, toys.arguments(max_steps=1, **flags), train_dataset=data).train()
        return found

    # You write
    seen = types(fp16=True)
    # You get
    assert seen == types() == {torch.float32}
    # Instead
    assert types(bf16=True) == {torch.bfloat16}


@trap(
    26,
    "scikit_learn",
    shown="06_trainer.ipynb#Two-sentences,-and-a-model-that-says-yes",
)
def f1_of_a_model_that_always_says_yes():
    """A model that always says yes has a good F1.

    You see: accuracy 0.68 and F1 0.81 after an epoch, in many posts about MRPC.

    What happens: 279 of its 408 validation pairs are paraphrases. Whoever says yes to all is right in
    68 % and has a recall of 1.

    Instead: put the most frequent class beside every score, and F1 of the rare class or the
    macro average.
    """
    # You write
    labels = np.array([1] * 279 + [0] * 129)
    predictions = np.ones(408, dtype=int)
    # You get
    assert round(accuracy_score(labels, predictions), 2) == 0.68
    assert round(f1_score(labels, predictions), 2) == 0.81
    # Instead
    macro = f1_score(labels, predictions, average="macro", zero_division=0)
    assert round(macro, 2) == 0.41
    assert f1_score(labels, predictions, pos_label=0, zero_division=0) == 0


@trap(27, "transformers", shown="06_trainer.ipynb#Stop,-and-go-on")
def a_shared_folder_returns_the_weights_of_an_older_run():
    """A run that resumes in a used folder goes on from an older run's checkpoint.

    You see: a run that ends at once, with good scores, or begins with weights that are not its own.

    What happens: the older checkpoints stay, and `resume_from_checkpoint=True`, as
    `get_last_checkpoint`, takes the one with the highest number, whoever wrote it.

    Instead: give each run a folder of its own.
    """
    data = toys.rows(32)
    saving = dict(save_strategy="steps", save_steps=4)
    Trainer(
        toys.classifier(), toys.arguments(max_steps=4, **saving), train_dataset=data
    ).train()
    # You write
    model = toys.classifier()
    trainer = Trainer(model, toys.arguments(max_steps=2, **saving), train_dataset=data)
    trainer.train(resume_from_checkpoint=get_last_checkpoint("out"))
    # You get
    assert trainer.state.global_step == 4  # of the older run; this one made no step
    old = AutoModelForSequenceClassification.from_pretrained("out/checkpoint-4")
    assert torch.equal(toys.weights(trainer.model), toys.weights(old))
    # Instead
    arguments = toys.arguments("second", max_steps=2, **saving)
    trainer = Trainer(toys.classifier(), arguments, train_dataset=data)
    trainer.train()
    last = get_last_checkpoint("second")
    longer = toys.arguments("second", max_steps=3, **saving)
    resumed = Trainer(toys.classifier(), longer, train_dataset=data)
    resumed.train(resume_from_checkpoint=last)
    assert last.endswith("checkpoint-2") and resumed.state.global_step == 3


@trap(4, "transformers", shown="06_trainer.ipynb#When-it-breaks:-a-tuple-has-no-argmax")
def predictions_become_a_tuple():
    """With hidden states switched on, predictions are a tuple.

    You see: `predictions` without a shape, or an error in `compute_metrics` after the first epoch: a
    tuple has no argmax. And `hidden_states` of a model with two layers has three entries.

    What happens: Trainer returns every output but the loss. The first entry of `hidden_states` is
    what goes into layer 0.

    Instead: take the first entry, or have the others left out with `ignore_keys`.
    """
    data = toys.rows(4)
    model = toys.classifier(output_hidden_states=True)
    # You write
    result = Trainer(model, toys.arguments()).predict(data)
    # You get
    logits, hidden_states = result.predictions
    assert logits.shape == (4, 2)
    assert len(hidden_states) == model.config.num_hidden_layers + 1
    # Instead
    trainer = Trainer(model, toys.arguments())
    result = trainer.predict(data, ignore_keys=["hidden_states"])
    assert result.predictions.shape == (4, 2)


@trap(105, "transformers", "accelerate")
def a_second_trainer_keeps_the_first_precision():
    """A second Trainer trains a model in the precision of the first.

    You see: `bf16=True` in the arguments, and a run that is not faster; or a model that a run in
    bfloat16 has prepared and that stays in it.

    What happens: Accelerate wraps the model's `forward` once and marks the model as prepared. The
    second Trainer finds the mark and wraps nothing.

    Instead: give each Trainer a model of its own; load the weights again.
    """
    data = toys.rows(8)

    def types(model, **flags):
        found = set()
        hook = model.classifier.register_forward_hook(
            lambda *call: found.add(call[-1].dtype)
        )
        Trainer(model, toys.arguments(max_steps=1, **flags), train_dataset=data).train()
        hook.remove()
        return found

    # You write
    model = toys.classifier()
    first = types(model)
    second = types(model, bf16=True)
    # You get
    assert first == second == {torch.float32}
    # Instead
    model.save_pretrained("kept")
    fresh = AutoModelForSequenceClassification.from_pretrained("kept")
    assert types(fresh, bf16=True) == {torch.bfloat16}


@trap(138, "transformers")
def dropping_the_last_batch_drops_it_from_scores_too():
    """`dataloader_drop_last=True` leaves rows out of evaluation and prediction as well.

    You see: fewer predictions than rows; `predictions` that is None, for a split smaller than a batch.

    What happens: the setting, meant for training, is read for every loader. Scores are those of the full
    batches, so they change with `per_device_eval_batch_size`.

    Instead: score with a Trainer whose arguments do not drop. Count the rows of what `predict` gives.
    """
    trainer = Trainer(
        toys.classifier(),
        toys.arguments(dataloader_drop_last=True, per_device_eval_batch_size=8),
    )
    # You write
    found = trainer.predict(toys.rows(20)).predictions
    few = trainer.predict(toys.rows(5)).predictions
    # You get
    assert len(found) == 16
    assert few is None
    # Instead
    scorer = Trainer(trainer.model, toys.arguments(per_device_eval_batch_size=8))
    assert len(scorer.predict(toys.rows(20)).predictions) == 20


@trap(
    153,
    "transformers",
    wrote='TrainingArguments(metric_for_best_model="perplexity", ...)',
)
def the_best_of_an_error_is_the_largest():
    """The best model by a metric is that of the largest value, unless its name ends in *loss*.

    You see: nothing; `load_best_model_at_end` that brings back the worst checkpoint, and `best_metric` the largest error.

    What happens: `greater_is_better` is read off the name. Perplexity, error rates and distances end in something else.

    Instead: say `greater_is_better=False`, or compare by the loss.
    """

    def best(**more):
        measured = iter([9.0, 3.0, 6.0])
        how = dict(
            eval_strategy="steps", eval_steps=1, save_strategy="steps", save_steps=1
        )
        arguments = toys.arguments(
            max_steps=3, load_best_model_at_end=True, metric_for_best_model="perplexity",
            **how, **more,
        )  # fmt: skip
        trainer = Trainer(
            toys.classifier(), arguments, train_dataset=toys.rows(8),
            eval_dataset=toys.rows(8), compute_metrics=lambda _: {"perplexity": next(measured)},
        )  # fmt: skip
        trainer.train()
        return trainer.state.best_metric

    # You write
    found = best()
    # You get
    assert found == 9.0
    # Instead
    assert best(greater_is_better=False) == 3.0


@trap(139, "transformers")
def a_checkpoint_without_optimizer_is_resumed():
    """A run resumed from a checkpoint of `save_only_model=True` has a new schedule and a new optimizer.

    You see: a loss that jumps up where the run was resumed; in the log, a learning rate as at the very beginning.

    What happens: the setting "prevents resuming", its documentation says, and nothing prevents it. Steps and rows
    are counted on, so the run looks like one that goes on; Adam and the schedule begin anew, and the schedule ends before it reaches 0.

    Instead: resume from whole checkpoints; or load the weights and plan a run of its own.
    """

    def resumed_rate(folder, only):
        """Train 4 steps, go on from the second, and give the learning rate of the third."""
        how = dict(save_strategy="steps", save_steps=2, logging_steps=1, max_steps=4)
        settings = toys.arguments(
            folder, learning_rate=1e-2, save_only_model=only, **how
        )
        Trainer(toys.classifier(), settings, train_dataset=toys.rows(32)).train()
        again = Trainer(toys.classifier(), settings, train_dataset=toys.rows(32))
        again.train(resume_from_checkpoint=f"{folder}/checkpoint-2")
        (third,) = [log for log in again.state.log_history if log["step"] == 3]
        return third["learning_rate"]

    # You write
    rate = resumed_rate("light", only=True)
    # You get
    assert rate == 1e-2
    # Instead
    assert math.isclose(resumed_rate("whole", only=False), 1e-2 * 2 / 4)


@trap(140, "transformers", "accelerate")
def a_smaller_batch_begins_with_trained_weights():
    """`auto_find_batch_size=True` begins again, with the weights that were trained so far.

    You see: a first loss that is lower than that of an untrained model, and scores that no second run repeats.

    What happens: where memory runs out in step 100, the batch becomes a tenth smaller and the steps begin at 0, with a new
    schedule and a new optimizer, on a model that has had 100 steps. Accumulation and learning rate stay, though fewer rows make a step.

    Instead: find the size in a program of its own (`trainer.state.train_batch_size`), and start a new one with it: in the same
    one, the first model and its optimizer still fill the memory.
    """

    class Small(Trainer):
        """A Trainer that runs out of memory once, in its second step."""

        steps, starts = 0, ()

        def training_step(self, model, *given, **more):
            self.steps += 1
            if self.state.global_step == 0:
                self.starts += (toys.weights(model),)
            if self.steps == 2:
                raise torch.cuda.OutOfMemoryError("CUDA out of memory.")
            return super().training_step(model, *given, **more)

    model = toys.classifier()
    fresh, rows = copy.deepcopy(model), toys.rows(32)
    # You write
    settings = dict(per_device_train_batch_size=8, max_steps=2)
    trainer = Small(
        model, toys.arguments(auto_find_batch_size=True, **settings), train_dataset=rows
    )
    trainer.train()
    # You get
    first, second = trainer.starts
    assert trainer.state.train_batch_size == 7
    assert not torch.equal(first, second)
    # Instead
    settings["per_device_train_batch_size"] = trainer.state.train_batch_size
    again = Small(fresh, toys.arguments(**settings), train_dataset=rows)
    again.steps = 2  # it fits
    again.train()
    assert len(again.starts) == 1 and torch.equal(again.starts[0], first)


@trap(
    150,
    "transformers",
    wrote='TrainingArguments(hub_token="hf_...")',
    shown="06_trainer.ipynb#Save,-describe,-publish",
)
def saved_arguments_hold_the_token():
    """A token in TrainingArguments is saved in plain letters, and pushed with the model.

    You see: nothing; printed, the arguments show `<HUB_TOKEN>` in its place.

    What happens: `save_model`, and each checkpoint, pickles all arguments into `training_args.bin`.
    `trainer.push_to_hub()` uploads that file with the others, to a repository that is public unless you say
    otherwise.

    Instead: no token in any argument. Say `hf auth login` in a terminal once, or set HF_TOKEN. A token that is
    out must be revoked: a deleted file stays in the repository's history.
    """
    model = toys.classifier()
    # You write
    given = toys.arguments(hub_token="hf_an_invented_token")
    Trainer(model, given).save_model("given")
    # You get
    assert "hf_an_invented_token" not in str(given)
    with open("given/training_args.bin", "rb") as file:
        assert b"hf_an_invented_token" in file.read()
    # Instead
    Trainer(model, toys.arguments()).save_model("without")
    with open("without/training_args.bin", "rb") as file:
        assert b"hf_an" not in file.read()
